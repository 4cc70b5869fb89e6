/**
 * Which connections are open, what each is at, and who has to go when one more comes. Pure bookkeeping: it closes nothing itself.
 *
 * A limit alone would let whoever opens that many connections and then says nothing lock out everybody else. So at the limit the
 * newcomer is let in, and the one that has kept its place longest without need goes: first of those that have not brought a whole
 * request head yet, then of those that wait for a next request, then of those that do not read their answer, then of those whose body is slow
 * to come. Only where all others are being answered is the newcomer turned away.
 */

/**
 * fresh: no whole head yet; reading: its body is on the way; working: it is being answered; writing: the answer is there, and waits for
 * the caller to read it; idle: answered, kept alive.
 */
export type Phase = 'fresh' | 'reading' | 'working' | 'writing' | 'idle';

export interface BookLimits {
  /** Open at a time. */
  readonly connections: number;
  /** Open at a time from one address; 0: no limit. */
  readonly perAddress: number;
}

export type Arrival<C> =
  | { readonly let: 'in'; readonly instead?: { readonly connection: C; readonly phase: Phase } }
  | { readonly let: 'away'; readonly why: 'full' | 'address' };

/** The head of an honest caller is there by then, however far it is. */
const FRESH_GRACE_MS = 2000;
/** Most are there by then; a burst of callers shall not turn itself out. */
const SHORT_GRACE_MS = 250;
/** A body that is on its way for less is not called slow. */
const READING_GRACE_MS = 5000;
/** Answers are small: on any line they are read by then. */
const WRITING_GRACE_MS = 5000;

interface Entry {
  readonly address: string;
  phase: Phase;
}

export class ConnectionBook<C> {
  readonly #limits: BookLimits;
  readonly #entries = new Map<C, Entry>();
  /** By phase, since when; the oldest first. */
  readonly #since: Readonly<Record<Phase, Map<C, number>>> = {
    fresh: new Map(),
    reading: new Map(),
    working: new Map(),
    writing: new Map(),
    idle: new Map(),
  };
  readonly #byAddress = new Map<string, number>();

  constructor(limits: BookLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(connection: C): boolean {
    return this.#entries.has(connection);
  }

  /** Those in this phase with the time since when, the oldest first. */
  in(phase: Phase): ReadonlyMap<C, number> {
    return this.#since[phase];
  }

  /** @param address whom it counts against: see {@link addressKey} */
  arrive(connection: C, address: string, nowMs: number): Arrival<C> {
    const { connections, perAddress } = this.#limits;
    const here = this.#byAddress.get(address) ?? 0;
    if (perAddress > 0 && here >= perAddress) return { let: 'away', why: 'address' };
    const isFull = this.size >= connections;
    const victim = isFull ? this.#dispensable(nowMs) : undefined;
    if (isFull && victim === undefined) return { let: 'away', why: 'full' };
    const instead = victim === undefined ? undefined : { connection: victim, phase: this.#entries.get(victim)!.phase };
    if (victim !== undefined) this.leave(victim);
    this.#entries.set(connection, { address, phase: 'fresh' });
    this.#since.fresh.set(connection, nowMs);
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
    return { let: 'in', ...(instead === undefined ? {} : { instead }) };
  }

  move(connection: C, phase: Phase, nowMs: number): void {
    const entry = this.#entries.get(connection);
    if (entry === undefined) return;
    this.#since[entry.phase].delete(connection);
    entry.phase = phase;
    this.#since[phase].set(connection, nowMs);
  }

  /** Idempotent. */
  leave(connection: C): void {
    const entry = this.#entries.get(connection);
    if (entry === undefined) return;
    this.#entries.delete(connection);
    this.#since[entry.phase].delete(connection);
    const here = this.#byAddress.get(entry.address)! - 1;
    if (here === 0) this.#byAddress.delete(entry.address);
    else this.#byAddress.set(entry.address, here);
  }

  #dispensable(nowMs: number): C | undefined {
    const oldest = (phase: Phase, graceMs: number) => {
      const [first] = this.#since[phase];
      return first !== undefined && nowMs - first[1] >= graceMs ? first[0] : undefined;
    };
    return (
      oldest('fresh', FRESH_GRACE_MS) ??
      oldest('idle', 0) ??
      oldest('fresh', SHORT_GRACE_MS) ??
      oldest('writing', WRITING_GRACE_MS) ??
      oldest('reading', READING_GRACE_MS)
    );
  }
}

/**
 * Whom a connection counts against: the address, of IPv6 the network of 64 bits that one household or one machine has for itself.
 * @param address as `net.Socket.remoteAddress`; undefined when it has gone already
 */
export function addressKey(address: string | undefined): string {
  if (address === undefined) return '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address;
  const [head = '', tail = ''] = address.replace(/%.*$/, '').split('::');
  const [before, after] = [head, tail].map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: Math.max(0, 8 - before!.length - after!.length) }, () => '0');
  const groups = [...before!, ...(address.includes('::') ? zeros : []), ...after!];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
