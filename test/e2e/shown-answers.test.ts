import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Answer } from '../support/contract.js';
import { ROOT } from '../support/gateway.js';
import { ServeProcess } from '../support/process.js';
import { WHOLE } from '../support/small-folders.js';

/**
 * Pixels differ by a level here and there between processors, as the vector instructions that decode and resize them do, and a graph of 8
 * bits carries that on: the cup of coffee had 0.9498 on an Intel processor with VNNI where it had 0.9422 on an AMD one without.
 */
const NEAR = 0.02;

const run = promisify(execFile);
const hasCurl = await run('curl', ['--version']).then(
  () => true,
  () => false,
);
const page = (name: string) => readFile(`${ROOT}${name}`, 'utf8');

let served: ServeProcess;
let url: string;
beforeAll(async () => {
  served = new ServeProcess([...WHOLE, '--lanes', '1']);
  url = await served.url();
  await served.said('ready');
});
afterAll(() => served?.[Symbol.asyncDispose]());

/** What an indented command of a page prints, asked of this gateway. */
async function printedBy(command: string): Promise<unknown> {
  const asked = command.replaceAll('localhost:8080', new URL(url).host).replaceAll('curl ', 'curl --silent ');
  const { stdout } = await run('bash', ['-c', asked], { cwd: ROOT });
  return JSON.parse(stdout);
}

/** The indented command that begins so, and what the page shows of its answer. */
function shownIn(markdown: string, begin: string): { command: string; shown: unknown } {
  const from = markdown.indexOf(`\n    ${begin}`) + 1;
  expect(from, `no command "${begin}"`).toBeGreaterThan(0);
  const [block = ''] = /^(?: {4}.*\n)+/.exec(markdown.slice(from))!;
  const lines = block.replace(/^ {4}(\$ )?/gm, '');
  const answerAt = lines.indexOf('\n{"');
  if (answerAt >= 0) return { command: lines.slice(0, answerAt), shown: JSON.parse(lines.slice(answerAt)) };
  const [, json = ''] = /^\n```json\n([^`]+)```/.exec(markdown.slice(from + block.length))!;
  return { command: lines, shown: JSON.parse(json) };
}

const isNear = (a: unknown, b: unknown) => typeof a === 'number' && typeof b === 'number' && Math.abs(a - b) <= NEAR;

/** The answer, with probabilities as shown where they are near, and without what is new each time: all else has to be the same. */
function comparable(answer: unknown, shown: unknown): unknown {
  if (Array.isArray(answer)) return answer.map((each, i) => comparable(each, (shown as unknown[] | undefined)?.[i]));
  if (typeof answer !== 'object' || answer === null) return answer;
  const other = (shown ?? {}) as Record<string, unknown>;
  const entries = Object.entries(answer).map(([key, value]): [string, unknown] => {
    if (/^(probability|score)$/.test(key) && isNear(value, other[key])) return [key, other[key]];
    if (/_ms$/.test(key) || (key === 'id' && /^[0-9a-f-]{36}$/.test(String(value)))) return [key, typeof value];
    if (key === 'data' && (answer as { name?: unknown }).name === 'probability') {
      const told = other[key] as unknown[] | undefined;
      return [key, (value as unknown[]).map((each, i) => (isNear(each, told?.[i]) ? told![i] : each))];
    }
    return [key, comparable(value, other[key])];
  });
  return Object.fromEntries(entries);
}

async function classify(picture: string, query = ''): Promise<Answer> {
  const body = await readFile(`${ROOT}test/pictures/${picture}`);
  return Answer.parse(await (await fetch(`${url}/v1/classify${query}`, { method: 'POST', body })).json());
}

const PARTS: Readonly<Record<string, number>> = { 'An eleventh': 11, 'a sixth': 6 };
const ORDINALS = ['first', 'second', 'third', 'fourth'];

describe.skipIf(!hasCurl)(`the commands of a page${hasCurl ? '' : ' (missing: curl)'}`, () => {
  it.each([
    ['README.md', 'curl --data-binary @test/pictures/coffee.jpg'],
    ['README.md', '$ curl -s --data-binary @README.md'],
    ['docs/open-inference.md', `printf '{"id":"42"`],
    ['docs/open-inference.md', '$ curl -d'],
  ])('print what it shows: %s, %s', async (name, begin) => {
    const { command, shown } = shownIn(await page(name), begin);
    const answer = await printedBy(command);
    expect(comparable(answer, shown)).toEqual(comparable(shown, shown));
  });
});

describe('the words', () => {
  it('of the README about two pictures are true', async () => {
    const text = (await page('README.md')).replaceAll('\n', ' ');
    const [coffee, cat] = [await classify('coffee.jpg'), await classify('cat.jpg')];
    const [, part = ''] = /(An \w+) of the full cost, and the first request/.exec(text)!;
    expect(Math.round(1 / coffee.cost.ratio)).toBe(PARTS[part]);
    const said =
      /cat\.jpg` is harder \("(.+?)", ([\d.]+), before "(.+?)", ([\d.]+)\): it leaves at the (\w+) exit, for (a \w+) of/;
    const [, first, probability, second, less, exit = '', share = ''] = said.exec(text)!;
    expect(cat.predictions.slice(0, 2).map(({ label }) => label)).toEqual([first, second]);
    for (const [i, shown] of [probability, less].entries()) {
      expect(isNear(cat.predictions[i]!.probability, Number(shown)), `${shown}`).toBe(true);
    }
    expect(cat.route.exit).toBe(1 + ORDINALS.indexOf(exit));
    expect(Math.round(1 / cat.cost.ratio)).toBe(PARTS[share]);
  });

  it('of the examples are those that they print', async () => {
    const { predictions, route, cost } = await classify('coffee.jpg', '?top=1');
    const said = /coffee\.jpg: (\w+) ([\d.]+), (\S+) exit (\d), (\d+)% of the full cost/;
    const [, label, probability, rung, exit, percent] = said.exec(await page('examples/README.md'))!;
    expect({ label, rung, exit, percent }).toEqual({
      label: predictions[0]!.label,
      rung: `${route.backbone}/${route.width}@${route.resolution}`,
      exit: String(route.exit),
      percent: String(Math.round(100 * cost.ratio)),
    });
    expect(isNear(predictions[0]!.probability, Number(probability))).toBe(true);
  });

  it('of the client of Triton are those of the same two pictures', async () => {
    const answers = [await classify('coffee.jpg'), await classify('cat.jpg')];
    const shown = (await page('docs/open-inference.md')).match(
      /^ {4}(label|probability|exit|resolution|macs|reason) \[.*\]$/gm,
    )!;
    const values = Object.fromEntries(
      shown.map((line) => {
        const [, name = '', list = ''] = /^ *(\w+) (.*)$/.exec(line)!;
        return [name, JSON.parse(list.replaceAll(/b'([^']*)'/g, '"$1"'))];
      }),
    );
    const { probability, ...exact } = values;
    expect(exact).toEqual({
      label: answers.map(({ predictions }) => [predictions[0]!.label]),
      exit: answers.map(({ route }) => route.exit),
      resolution: answers.map(({ route }) => route.resolution),
      macs: answers.map(({ cost }) => cost.macs),
      reason: answers.map(({ route }) => route.reason),
    });
    for (const [i, { predictions }] of answers.entries()) {
      expect(isNear(predictions[0]!.probability, probability[i][0]), `${probability[i]}`).toBe(true);
    }
  });
});
