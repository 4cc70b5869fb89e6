/**
 * Joules of the processor packages, from Intel's and AMD's running average power limit (RAPL) as Linux shows it in
 * /sys/class/powercap (kernel documentation: power/powercap). They are those of the whole machine.
 */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const POWERCAP = '/sys/class/powercap';

/** One counter of microjoules, which starts at 0 again after `rangeUj`. */
interface Zone {
  readonly file: string;
  readonly rangeUj: number;
  lastUj: number;
}

/** Packages, and memory where it is counted apart. Not `psys` (the whole board) nor `core` and `uncore`, which are parts of a package. */
const COUNTED = /^(package-\d+(-die-\d+)?|dram)$/;

export class Rapl {
  readonly #zones: readonly Zone[];
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(zones: readonly Zone[]) {
    this.#zones = zones;
  }

  /** Undefined where there is none, or this process may not read it: most systems let root alone do so. */
  static async open(folder = POWERCAP): Promise<Rapl | undefined> {
    const names = await readdir(folder).catch(() => []);
    // `intel-rapl-mmio` would be the same package once more.
    const zones = await Promise.all(
      names.filter((name) => /^intel-rapl:/.test(name)).map((name) => open(folder, name)),
    );
    const counted = zones.filter((zone) => zone !== undefined);
    return counted.length === 0 ? undefined : new Rapl(counted);
  }

  /** Joules since the last call, or since it was opened; exact as long as no counter wraps twice in between (at 250 W: 17 minutes). */
  joules(): Promise<number> {
    // One after the other: of two readings at once the older might come last, and look like a wrap.
    const spent = this.#turn.then(() => this.#spent());
    this.#turn = spent;
    return spent;
  }

  async #spent(): Promise<number> {
    const each = await Promise.all(this.#zones.map((zone) => spentUj(zone)));
    return each.reduce((sum, uj) => sum + uj, 0) / 1e6;
  }
}

async function open(folder: string, name: string): Promise<Zone | undefined> {
  const read = async (file: string) => (await readFile(join(folder, name, file), 'utf8')).trim();
  try {
    if (!COUNTED.test(await read('name'))) return undefined;
    const file = join(folder, name, 'energy_uj');
    return { file, rangeUj: Number(await read('max_energy_range_uj')), lastUj: await microjoules(file) };
  } catch {
    return undefined;
  }
}

async function spentUj(zone: Zone): Promise<number> {
  const uj = await microjoules(zone.file).catch(() => zone.lastUj);
  const spent = uj - zone.lastUj;
  zone.lastUj = uj;
  return spent < 0 ? spent + zone.rangeUj : spent;
}

async function microjoules(file: string): Promise<number> {
  return Number(await readFile(file, 'utf8'));
}
