import { describe, expect, it } from 'vitest';
import { heard } from '../../src/console/access.js';
import type { Answer } from '../../src/console/api-types.js';
import { keyFault } from '../../src/console/key-fault.js';
import { noGateway, Refusal, silent, unreachable } from '../../src/console/refusal.js';
import { Kept } from '../../src/console/storage.js';
import { TimeLimit } from '../../src/console/time-limit.js';
import { answersOf, failureOf, type Outcomes, outcomeOf, toAsk } from '../../src/console/trial-outcome.js';

const refused = (status: number, code = '') => failureOf(new Refusal(status, code, 'No.'), 'No.');
const answered = { answer: { id: 'one' } as Answer };

describe('a picture without an answer', () => {
  it.each([
    ['no picture', refused(415), true, false],
    ['a key that is not taken', refused(401), true, false],
    ['a policy that is not for this key', refused(403), false, false],
    ['a busy gateway', refused(503, 'overloaded'), false, true],
    ['too many requests', refused(429), false, true],
    ['a gateway that is gone', failureOf(unreachable(), ''), true, true],
    ['one that hangs', failureOf(silent(8000), ''), true, true],
    ['something else that answers', failureOf(noGateway(200), ''), true, true],
    ['a mistake of the page', failureOf(new TypeError('x'), ''), false, false],
  ])('is told by whether others are asked, and whether to ask again: %s', (_, failure, isOfAll, isPassing) => {
    expect(failure).toMatchObject({ isOfAll, isPassing });
  });

  it('is the outcome of another policy only where it ended the whole', () => {
    const busy: Outcomes = { fast: refused(503) };
    expect(outcomeOf(busy, 'fast')).toBe(busy.fast);
    expect(outcomeOf(busy, 'full')).toBeUndefined();
    const words: Outcomes = { fast: refused(415) };
    expect(outcomeOf(words, 'full')).toBe(words.fast);
    expect(outcomeOf({ ...words, full: answered }, 'full')).toBe(answered);
  });

  it('is asked for again alone, the chosen policy first', () => {
    const outcomes: Outcomes = { a: answered, b: refused(503), c: refused(503) };
    expect(toAsk(['a', 'b', 'c', 'd'], 'c', outcomes)).toEqual(['c', 'b', 'd']);
    expect(answersOf(outcomes)).toEqual({ a: answered });
  });
});

describe('the access to the gateway', () => {
  it('is wanted as soon as any request hears so, and open again only through a key that is taken', () => {
    expect(heard('open', true)).toBe('open');
    expect(heard('open', false)).toBe('wanted');
    // An answer that was on its way.
    expect(heard('wanted', true)).toBe('wanted');
    expect(heard('asking', false)).toBe('wanted');
    expect(heard('asking', true)).toBe('open');
  });
});

describe('a key', () => {
  it('may be anything that a header takes', () => {
    for (const key of ['abc', 'A-z_0~9', 'two words', '!"#$%']) expect(keyFault(key)).toBeUndefined();
  });

  it.each([
    ['abc\u200b', 'Character 4 (U+200B)'],
    ['“abc', 'Character 1 (U+201C)'],
    ['a\u00a0b', 'Character 2 (U+00A0)'],
    ['ab😀', 'Character 3 (U+1F600)'],
  ])('is not sent with a character that nobody sees: %j', (key, expected) => {
    expect(keyFault(key)).toContain(expected);
  });
});

describe('what the page remembers', () => {
  it('is in the storage of the browser', () => {
    const shelf = new Map<string, string>();
    const storage = {
      getItem: (name: string) => shelf.get(name) ?? null,
      setItem: (name: string, value: string) => void shelf.set(name, value),
      removeItem: (name: string) => void shelf.delete(name),
    };
    const kept = new Kept(() => storage);
    expect(kept.get('theme')).toBe('');
    kept.set('theme', 'dark');
    expect(new Kept(() => storage).get('theme')).toBe('dark');
    kept.set('theme', '');
    expect([kept.get('theme'), shelf.size]).toEqual(['', 0]);
  });

  it('is in memory where the browser keeps nothing for the page', () => {
    const kept = new Kept(() => {
      throw new DOMException('denied', 'SecurityError');
    });
    expect(kept.get('theme')).toBe('');
    kept.set('theme', 'dark');
    expect(kept.get('theme')).toBe('dark');
  });
});

describe('a time limit', () => {
  it('aborts when the time is over, and says that it was the time', async () => {
    const limit = new TimeLimit(new AbortController().signal, 1);
    await new Promise((resolve) => limit.signal.addEventListener('abort', resolve));
    expect(limit.isOver).toBe(true);
  });

  it('aborts with the other signal, also with one that has aborted before', () => {
    const outer = new AbortController();
    const limit = new TimeLimit(outer.signal, 60_000);
    outer.abort();
    const late = new TimeLimit(outer.signal, 60_000);
    for (const each of [limit, late]) {
      expect([each.signal.aborted, each.isOver]).toEqual([true, false]);
      each.end();
    }
  });
});
