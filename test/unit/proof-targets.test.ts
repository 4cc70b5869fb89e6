import { describe, expect, it } from 'vitest';
import type { OpenRow, Row } from '../../bench/support/proof-report.js';
import { targets } from '../../bench/support/proof-targets.js';
import { spread } from '../../bench/support/stats.js';

const RATES = new Map([
  ['limit', [100, 110]],
  ['sluice full', [95, 99]],
  ['sluice balanced', [190, 198]],
  ['quick', [90, 95]],
  ['thrifty', [50, 50]],
]);

function row(name: string, kind: Row['kind'], cpu: number, top1?: number, labelled?: Record<string, number>): Row {
  const rates = RATES.get(name)!;
  const by = (other: string) => spread(rates.map((rate, round) => rate / RATES.get(other)![round]!));
  return {
    ...{ name, kind, about: '', versions: {}, setting: '', memory_mb: 1, agreement: 1, failed: 0 },
    images_per_second: spread(rates),
    of_limit: by('limit'),
    of_full: by('sluice full'),
    cpu_seconds_per_1000: spread([cpu]),
    ...(top1 === undefined ? {} : { top1 }),
    ...(labelled === undefined ? {} : { labelled_top1: labelled[name]! }),
  };
}

function judge(top1?: number, names = [...RATES.keys()], labelled?: Record<string, number>) {
  const kinds = { limit: 'limit', quick: 'peer', thrifty: 'peer' } as const;
  const cpu: Record<string, number> = { 'sluice balanced': 10, quick: 30, thrifty: 16 };
  const rows = names.map((name) =>
    row(name, kinds[name as keyof typeof kinds] ?? 'sluice', cpu[name] ?? 20, top1, labelled),
  );
  const open = [{ policy: 'balanced', load: 0.7, p99_by_p50: spread([3, 5, 3.5]) } as OpenRow];
  return targets(rows, RATES, open, 1.2);
}

describe('the targets of the proof', () => {
  it('are held against the fastest peer for images and the thriftiest for processor time', () => {
    const found = judge(0.8);
    expect(found.map(({ met }) => met)).toEqual([true, true, true, true, false, true, true]);
    expect(found.map(({ value }) => value?.toFixed(2))).toEqual([
      '0.93',
      '2.00',
      '2.10',
      '0.00',
      '0.63',
      '3.50',
      '1.20',
    ]);
    expect(found.map(({ note }) => note)).toEqual([
      ...[undefined, undefined, 'quick', 'quick', 'thrifty', undefined, undefined],
    ]);
  });

  it('are neither met nor missed where nothing was measured: no labels, no peers', () => {
    expect(judge().map(({ met }) => met)).toEqual([true, true, true, undefined, false, true, true]);
    const alone = judge(0.8, ['limit', 'sluice full', 'sluice balanced']);
    expect(alone.map(({ met }) => met)).toEqual([true, true, undefined, undefined, undefined, true, true]);
    expect(alone[2]!.note).toBe('not measured in this run');
  });

  it('judge accuracy by the pictures that were asked for their labels, where there are some', () => {
    const labelled = Object.fromEntries([...RATES.keys()].map((name) => [name, name === 'quick' ? 0.8 : 0.794]));
    expect(judge(0.8, undefined, labelled)[3]).toMatchObject({ value: expect.closeTo(0.6), met: false, note: 'quick' });
  });
});
