/** Sends those who wait to lanes: suspects alone, then the line, and where it is empty what nobody waits for. Pure bookkeeping. */

import type { Entry } from './entry.js';
import type { Slot, Slots, Window } from './slots.js';
import type { Suspects } from './suspects.js';
import type { WaitingLine } from './waiting-line.js';

export interface Waiting {
  readonly suspects: Suspects;
  readonly line: WaitingLine;
  readonly idle: Entry[];
}

/** @param nowMs on the clock of `performance` */
export function board(slots: Slots, { suspects, line, idle }: Waiting, window: Window, nowMs: number): void {
  // Of several lanes one goes on with what nobody suspects.
  let free = Math.max(1, slots.size - 1) - slots.quarantined;
  for (const slot of slots) {
    const suspect = slot.onBoard.size === 0 && free > 0 ? suspects.next() : undefined;
    if (suspect === undefined) continue;
    slot.quarantine = true;
    slot.board(suspect);
    free--;
  }
  // A lane that shall take a suspect must run empty first.
  const open = slots.open(Math.min(suspects.size, Math.max(0, free)));
  let place: Slot | undefined;
  const fits = (entry: Entry) => {
    place = slots.placeFor(entry, open, window, nowMs);
    return place !== undefined;
  };
  for (let entry = line.take(fits); entry !== undefined; entry = line.take(fits)) place!.board(entry);
  if (line.size > 0) return;
  for (const slot of open) {
    const entry = slot.onBoard.size === 0 ? idle.shift() : undefined;
    if (entry !== undefined) slot.board(entry);
  }
}
