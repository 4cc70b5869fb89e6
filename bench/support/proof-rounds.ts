/** Contestants in turn, round by round: only one of them has work at a time. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Contestant, Measured, Setting } from './contestant.js';

/** A contestant that takes this much longer than its measurement has stopped answering. */
const PATIENCE_SECONDS = 60;

/** What was measured of those that lasted, and why others did not. */
export interface Rounds {
  readonly settings: ReadonlyMap<Contestant, Setting>;
  readonly runs: ReadonlyMap<Contestant, readonly Measured[]>;
  readonly lost: ReadonlyMap<Contestant, string>;
}

export interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  /** Of each try of a setting. */
  readonly trySeconds: number;
  readonly say: (line: string) => void;
}

/**
 * A contestant that fails is left out from then on; the others go on, unless all are held against it.
 * @throws Error where a reference fails
 */
export async function rounds(contestants: readonly Contestant[], plan: Plan): Promise<Rounds> {
  const settings = new Map<Contestant, Setting>();
  const runs = new Map<Contestant, Measured[]>();
  const lost = new Map<Contestant, string>();
  const turn = async (contestant: Contestant, work: () => Promise<void>) => {
    if (lost.has(contestant)) return;
    contestant.resume();
    try {
      await work();
    } catch (error) {
      lost.set(contestant, (error as Error).message);
      runs.delete(contestant);
      contestant.stop();
      if (contestant.isReference) throw new Error(`${contestant.name}: ${(error as Error).message}`);
      plan.say(`${contestant.name}: left out: ${(error as Error).message}`);
    } finally {
      contestant.pause();
    }
  };
  for (const contestant of contestants) {
    await turn(contestant, async () => {
      settings.set(contestant, await bestSetting(contestant, plan));
      runs.set(contestant, []);
    });
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (const contestant of rotated(contestants, round)) {
      await turn(contestant, async () => {
        const setting = settings.get(contestant)!;
        runs.get(contestant)!.push(await within(plan.seconds, contestant.measure(setting, plan.seconds)));
      });
    }
    plan.say(`round ${round + 1} of ${plan.rounds} at saturation`);
  }
  return { settings, runs, lost };
}

/** Twice each, the better one: noise only ever takes away. The first go through all warms up. */
async function bestSetting(contestant: Contestant, { trySeconds, say }: Plan): Promise<Setting> {
  const { settings } = contestant;
  const rates = settings.map(() => 0);
  await within(2 * trySeconds, contestant.measure(settings.at(-1)!, 2 * trySeconds));
  for (const _ of [1, 2]) {
    for (const [at, setting] of settings.entries()) {
      const { imagesPerSecond } = await within(trySeconds, contestant.measure(setting, trySeconds));
      rates[at] = Math.max(rates[at]!, imagesPerSecond);
    }
  }
  const best = settings[rates.indexOf(Math.max(...rates))]!;
  say(`${contestant.name}: ${settings.map(({ label }, at) => `${label}: ${rates[at]!.toFixed(0)}/s`).join('; ')}`);
  return best;
}

/** No contestant is always the one after the same other. */
function rotated<T>(values: readonly T[], by: number): T[] {
  const at = by % values.length;
  return [...values.slice(at), ...values.slice(0, at)];
}

/** @throws Error when it takes much longer */
async function within<T>(seconds: number, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = sleep((seconds + PATIENCE_SECONDS) * 1000, undefined, { signal: over.signal }).then(() => {
    throw new Error('stopped answering');
  });
  late.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}
