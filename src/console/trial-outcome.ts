/** What became of one picture under each policy. Pure. */

import type { Answer } from './api-types.js';
import { Refusal } from './refusal.js';

export interface Failure {
  readonly answer?: undefined;
  readonly sentence: string;
  /** It is that of the other policies too: they are not asked. */
  readonly isOfAll: boolean;
  /** Who asks again may be answered. */
  readonly isPassing: boolean;
}

export type Outcome = { readonly answer: Answer; readonly sentence?: undefined } | Failure;

/** By policy; those that are not there are still to come. */
export type Outcomes = Readonly<Record<string, Outcome>>;

/** What is no picture for one policy is none for the others; who is not let in, or cannot be reached, is so under all of them. */
const OF_ALL = [400, 401, 413, 415, 422];
const OF_ALL_CODES = ['unreachable', 'no_gateway'];

export function failureOf(error: unknown, sentence: string): Failure {
  if (!(error instanceof Refusal)) return { sentence, isOfAll: false, isPassing: false };
  const { status, code } = error;
  const isNoAnswer = OF_ALL_CODES.includes(code);
  return {
    sentence,
    isOfAll: isNoAnswer || OF_ALL.includes(status),
    isPassing: isNoAnswer || status === 408 || status === 429 || status >= 500,
  };
}

/** What is shown of the chosen policy: its own outcome, or what ended the whole; undefined while it is to come. */
export function outcomeOf(outcomes: Outcomes, chosen: string): Outcome | undefined {
  return outcomes[chosen] ?? Object.values(outcomes).find((each) => each.answer === undefined && each.isOfAll);
}

/** The chosen one first. @returns names of the policies that are to be asked */
export function toAsk(names: readonly string[], chosen: string, outcomes: Outcomes): readonly string[] {
  return names
    .filter((name) => outcomes[name]?.answer === undefined)
    .sort((a, b) => Number(b === chosen) - Number(a === chosen));
}

/** Those that a further round leaves: an answer is not asked for twice. */
export function answersOf(outcomes: Outcomes): Outcomes {
  return Object.fromEntries(Object.entries(outcomes).filter(([, { answer }]) => answer !== undefined));
}
