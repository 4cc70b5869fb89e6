import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { recordOf } from '../../src/cli/recorded.js';
import { safestFirst } from '../../src/tune/guarantee.js';
import { frontier, fullPoint, operatingPoints, pointOn } from '../../src/tune/operating-points.js';
import { random, split } from '../../src/tune/record.js';
import { RecordFile, type RecordHeader } from '../../src/tune/record-file.js';
import { binomialAtMost, fixedSequence, hoeffdingBentkus, leastPictures } from '../../src/tune/risk.js';
import { solve } from '../../src/tune/solve.js';
import { DEFAULT_TERMS, measureWalk, walkOf } from '../../src/tune/walk.js';
import { record } from '../support/tune-record.js';

describe('the p-value of Hoeffding and Bentkus', () => {
  it('has the tail of the binomial that a table has', () => {
    // 1 + 10 + 45 of 2^10.
    expect(binomialAtMost(2, 10, 0.5)).toBeCloseTo(56 / 1024, 12);
    // 0.9^5 + 5 x 0.1 x 0.9^4 = 0.59049 + 0.32805
    expect(binomialAtMost(1, 5, 0.1)).toBeCloseTo(0.91854, 12);
    expect(binomialAtMost(5, 5, 0.1)).toBe(1);
    // Far in the tail of many: (1 - 0.01)^3000.
    expect(binomialAtMost(0, 3000, 0.01) / 0.99 ** 3000).toBeCloseTo(1, 9);
  });

  it('is (1 - alpha)^n where no loss was seen: by Hoeffding, as Bentkus has e times that', () => {
    expect(hoeffdingBentkus(0, 100, 0.05)).toBeCloseTo(0.0059205, 7);
    expect(hoeffdingBentkus(0, 2500, 0.01)).toBeCloseTo(1.2246e-11, 14);
  });

  it('is the lesser of the two bounds', () => {
    // h(0.2, 0.5) = 0.2 ln 0.4 + 0.8 ln 1.6 = 0.192745; exp(-10 h) = 0.14552. e x 56/1024 = 0.14865.
    expect(hoeffdingBentkus(0.2, 10, 0.5)).toBeCloseTo(0.14552, 5);
    // h(0.04, 0.05) = 0.04 ln 0.8 + 0.96 ln(0.96/0.95) = 0.00112677: exp(-1000 h) = 0.3241. Bentkus: e x 0.0803 = 0.2183.
    expect(hoeffdingBentkus(0.04, 1000, 0.05)).toBeCloseTo(Math.E * binomialAtMost(40, 1000, 0.05), 12);
    expect(hoeffdingBentkus(0.04, 1000, 0.05)).toBeLessThan(0.3241);
  });

  it('never rules out a risk that was seen, and gets smaller with more pictures', () => {
    expect(hoeffdingBentkus(0.05, 1000, 0.05)).toBe(1);
    expect(hoeffdingBentkus(0.3, 1000, 0.05)).toBe(1);
    expect(hoeffdingBentkus(0.01, 400, 0.02)).toBeLessThan(hoeffdingBentkus(0.01, 300, 0.02));
  });

  it('needs a number of pictures even where no loss is seen', () => {
    expect(leastPictures(0.01, 0.95)).toBe(299);
    expect(hoeffdingBentkus(0, 299, 0.01)).toBeLessThanOrEqual(0.05);
    expect(hoeffdingBentkus(0, 298, 0.01)).toBeGreaterThan(0.05);
  });
});

describe('fixed-sequence testing', () => {
  it('stops at the first candidate whose risk cannot be ruled out, whatever comes after', () => {
    expect(fixedSequence([0, 0.001, 0.02, 0], 1000, 0.01, 0.95)).toBe(2);
    expect(fixedSequence([0, 0.001], 1000, 0.01, 0.95)).toBe(2);
    expect(fixedSequence([0.01, 0], 1000, 0.01, 0.95)).toBe(0);
  });
});

describe('a guarantee', () => {
  it('is kept in at least 95 of 100 of 500 tunings from the first picture on, each on pictures of its own', () => {
    const risk = 0.1;
    // So many that their risk is the true one within two thousandths.
    const skills = [[0.5, 1.15]];
    const many = record(50_000, skills, 99_999);
    const world = walkOf(many, many.rungs);
    let [kept, cheaper] = [0, 0];
    for (let seed = 1; seed <= 500; seed++) {
      const drawn = record(240, skills, seed);
      const solution = solve(
        drawn,
        { score: 'max_probability', target: { risk, confidence: 0.95 }, points: 1 },
        () => {},
      );
      if ('cheapest' in solution) throw new Error('the full network is always safe');
      const point = solution.points[0]!;
      cheaper += Number(point.outcome.cost < 0.98 * solution.full.outcome.cost);
      // Where deep exits were left out the last that is left answers all.
      const { agreement } = measureWalk(world, point.thresholds.with(-1, 0));
      kept += Number(1 - agreement <= risk);
    }
    expect(kept / 500).toBeGreaterThanOrEqual(0.95);
    // It would be easy to keep by never leaving early.
    expect(cheaper / 500).toBeGreaterThan(0.5);
  }, 120_000);

  const file = process.env.SLUICE_TUNE_RECORD;
  const missing = file === undefined ? ' (skipped: SLUICE_TUNE_RECORD names no record of sluice tune)' : '';
  it.skipIf(file === undefined)(
    `is kept on a recorded cascade in 500 draws of pictures${missing}`,
    async () => {
      const all = await recordFrom(file!);
      // The row of candidates is fixed on a third; the others are the world that pictures to test on are drawn from.
      const [path, world] = split(all, 1 / 3);
      const terms = { ...DEFAULT_TERMS, quality: 'agreement' } as const;
      const row = safestFirst(frontier(operatingPoints(path, fullPoint(path, terms), () => {})));
      const losses = row.map((point) => {
        const { walk, outcome } = pointOn(world, point);
        return Float64Array.from(outcome.exits, (exit, i) => 1 - walk.agrees[exit]![i]!);
      });
      const mean = (loss: Float64Array, of: Int32Array) => of.reduce((sum, i) => sum + loss[i]!, 0) / of.length;
      const pictures = world.labels.length;
      const draw = random(5);
      for (const risk of [0.01, 0.02, 0.05]) {
        let [kept, saved] = [0, 0];
        for (let turn = 0; turn < 500; turn++) {
          const drawn = Int32Array.from({ length: pictures / 2 }, () => Math.floor(draw() * pictures));
          const means = (function* () {
            for (const loss of losses) yield mean(loss, drawn);
          })();
          const passed = fixedSequence(means, drawn.length, risk, 0.95);
          const worst = Math.max(
            0,
            ...losses.slice(0, passed).map((loss) => loss.reduce((a, b) => a + b, 0) / pictures),
          );
          kept += Number(worst <= risk);
          const cheapest = Math.min(...row.slice(0, passed).map(({ outcome }) => outcome.cost));
          saved += passed === 0 ? 0 : 1 - cheapest / fullPoint(path).outcome.cost;
        }
        process.stderr.write(
          `risk ${risk}: kept in ${((100 * kept) / 500).toFixed(1)} % of 500 draws, ${pictures} pictures, mean saving ${((100 * saved) / 500).toFixed(1)} %\n`,
        );
        expect(kept / 500).toBeGreaterThanOrEqual(0.95);
      }
    },
    600_000,
  );
});

async function recordFrom(file: string) {
  const [head] = (await readFile(file, 'utf8')).split('\n', 1);
  const { cascade, models } = JSON.parse(head!) as RecordHeader;
  const { header, known } = await RecordFile.open(file, cascade, models);
  const lines = [...known.values()];
  return recordOf(
    cascade,
    header!,
    lines.map(() => ({ file, label: undefined })),
    lines,
  );
}
