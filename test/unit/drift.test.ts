import { describe, expect, it } from 'vitest';
import { isCanary, placeOf } from '../../src/policy/canary.js';
import { type Audits, hasDrifted, upperAgreement, withAudit } from '../../src/policy/drift.js';
import { randoms } from '../support/graphs.js';

describe('the agreement of audits', () => {
  it('has the upper bound of Wilson, as computed by hand', () => {
    // (0.9 + 4.774 / 100 + 3.09 x sqrt(0.0009 + 0.000239)) / 1.0955
    expect(upperAgreement({ agreed: 90, checked: 100 })).toBeCloseTo(0.9603, 3);
    expect(upperAgreement({ agreed: 0, checked: 0 })).toBe(1);
  });

  it('comes nearer to what was counted the more was counted', () => {
    const bounds = [50, 500, 5000, 50_000].map((checked) => upperAgreement({ agreed: 0.9 * checked, checked }));
    expect(bounds).toEqual([...bounds].sort((a, b) => b - a));
    expect(bounds.at(-1)).toBeCloseTo(0.9, 1);
  });

  it('has drifted when chance does not explain it, not before', () => {
    expect(hasDrifted({ agreed: 90, checked: 100 }, 0.95)).toBe(false);
    expect(hasDrifted({ agreed: 900, checked: 1000 }, 0.95)).toBe(true);
    expect(hasDrifted({ agreed: 0, checked: 40 }, 0.95)).toBe(false);
    expect(hasDrifted({ agreed: 990, checked: 1000 }, 0.95)).toBe(false);
  });

  it('is looked at every 50 audits, and what was long ago does not outweigh today', () => {
    expect(hasDrifted({ agreed: 10, checked: 101 }, 0.95)).toBe(false);
    const draws = randoms(12_000, 1, 1).map((draw) => draw + 0.5);
    let audits: Audits = { agreed: 0, checked: 0 };
    let noticed: number | undefined;
    for (const [at, draw] of draws.entries()) {
      audits = withAudit(audits, draw < (at < 10_000 ? 0.98 : 0.9));
      if (hasDrifted(audits, 0.96)) noticed ??= at;
    }
    expect(audits.checked).toBeLessThanOrEqual(4000);
    expect(noticed).toBeGreaterThan(10_000);
  });

  it('raises hardly any false alarm while the promise is kept: 100 streams of 2,000 audits', () => {
    let alarms = 0;
    for (let stream = 0; stream < 100; stream++) {
      const draws = randoms(2000, stream + 1, 1);
      let audits: Audits = { agreed: 0, checked: 0 };
      const alarm = draws.some((draw) => {
        audits = withAudit(audits, draw + 0.5 < 0.97);
        return hasDrifted(audits, 0.96);
      });
      alarms += Number(alarm);
    }
    expect(alarms).toBeLessThanOrEqual(2);
  });
});

describe('the place of a caller in an experiment', () => {
  it('is the same for the same caller, and spread evenly over many', () => {
    expect(placeOf('balanced', 'ann')).toBe(placeOf('balanced', 'ann'));
    const places = Array.from({ length: 2000 }, (_, i) => placeOf('balanced', `caller ${i}`));
    const share = places.filter((place) => isCanary(place, 0.1)).length / places.length;
    expect(share).toBeGreaterThan(0.07);
    expect(share).toBeLessThan(0.13);
    expect(Math.max(...places)).toBeLessThan(1);
  });

  it('is another one in another experiment', () => {
    const callers = Array.from({ length: 200 }, (_, i) => `caller ${i}`);
    const inBoth = callers.filter((caller) => placeOf('a', caller) < 0.5 && placeOf('b', caller) < 0.5).length;
    expect(inBoth).toBeGreaterThan(30);
    expect(inBoth).toBeLessThan(70);
  });
});
