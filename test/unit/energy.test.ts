import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Rapl } from '../../src/telemetry/energy.js';
import { Metrics } from '../../src/telemetry/metrics.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-powercap-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Lays a counter out as the kernel shows it. */
async function zone(id: string, name: string, uj: number): Promise<void> {
  await mkdir(join(folder, id), { recursive: true });
  await writeFile(join(folder, id, 'name'), `${name}\n`);
  await writeFile(join(folder, id, 'max_energy_range_uj'), '10000000\n');
  await writeFile(join(folder, id, 'energy_uj'), `${uj}\n`);
}

async function energy(metrics: Metrics): Promise<Record<string, number>> {
  const { values } = await metrics.registry.getSingleMetric('sluice_energy_joules_total')!.get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels.source), value]));
}

describe('energy from RAPL', () => {
  it('adds up packages and their memory, and neither their parts nor the board once more', async () => {
    const zones = [
      ['intel-rapl:0', 'package-0'],
      ['intel-rapl:0:0', 'core'],
      ['intel-rapl:0:1', 'dram'],
      ['intel-rapl:1', 'package-1'],
      ['intel-rapl:2', 'psys'],
      ['intel-rapl-mmio:0', 'package-0'],
    ] as const;
    for (const [id, name] of zones) await zone(id, name, 1_000_000);
    const rapl = await Rapl.open(folder);
    for (const [at, [id, name]] of zones.entries()) await zone(id, name, 1_000_000 + 10 ** at);
    expect(await rapl!.joules()).toBeCloseTo((1 + 100 + 1000) / 1e6, 12);
    expect(await rapl!.joules()).toBe(0);
  });

  it('goes on when a counter starts anew at the end of its range', async () => {
    await zone('intel-rapl:0', 'package-0', 9_000_000);
    const rapl = await Rapl.open(folder);
    await zone('intel-rapl:0', 'package-0', 500_000);
    expect(await rapl!.joules()).toBe(1.5);
  });

  it('is told with its source, and no estimate beside it', async () => {
    await zone('intel-rapl:0', 'package-0', 0);
    const metrics = new Metrics({ rapl: await Rapl.open(folder), wattsPerCore: 5 });
    await zone('intel-rapl:0', 'package-0', 3_000_000);
    metrics.laneUsed(0, 1_000_000);
    expect(await energy(metrics)).toEqual({ rapl: 3 });
    expect(await energy(metrics)).toEqual({ rapl: 3 });
  });

  it('is not there on a machine without it', async () => {
    expect(await Rapl.open(join(folder, 'none'))).toBeUndefined();
    expect(await Rapl.open(folder)).toBeUndefined();
  });

  it('is not there where it cannot be read', async () => {
    await zone('intel-rapl:0', 'package-0', 0);
    // Most systems let only root read it: tests may run as root, who can read all but a folder.
    await rm(join(folder, 'intel-rapl:0', 'energy_uj'));
    await mkdir(join(folder, 'intel-rapl:0', 'energy_uj'));
    expect(await Rapl.open(folder)).toBeUndefined();
  });
});

describe('the estimate of energy', () => {
  it('is the processor time of lanes and gateway times the watts of a core', async () => {
    const metrics = new Metrics({ wattsPerCore: 4 });
    const before = (await energy(metrics)).estimate!;
    metrics.laneUsed(0, 1_000_000);
    metrics.laneUsed(1, 500_000);
    const from = process.cpuUsage();
    const after = (await energy(metrics)).estimate!;
    const { user, system } = process.cpuUsage(from);
    const lanes = 1500 * 4;
    expect(after - before).toBeGreaterThanOrEqual(lanes);
    // What this process itself used since, give or take what lies between the calls.
    expect(after - before - lanes).toBeLessThan(4 * ((user + system) / 1e6 + 1));
  });
});
