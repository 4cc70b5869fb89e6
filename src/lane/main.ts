/** The lane process: takes messages from the gateway, decodes, infers, answers. Started by `gateway/lane.ts`. */

import { ConfigError } from '../errors.js';
import { measureDecodes } from './decode-costs.js';
import { Engine } from './engine.js';
import { type LoadedCascade, loadSessions } from './loaded.js';
import { measureRung } from './measure.js';
import type {
  BatchRun,
  BrokenCascade,
  FromLane,
  JobResult,
  LaneLimits,
  LaneUsage,
  Measured,
  Part,
  ToLane,
} from './messages.js';

const BEAT_MS = 1000;
/** libvips gives up by itself before (lane/decode); a decoder that loops does not. */
const STUCK_MS = 15_000;

const cascades = new Map<string, LoadedCascade>();
let limits: LaneLimits;
let engine: Engine | undefined;
let outbox = emptyOutbox();
/** Microseconds, up to the last beat. */
let cpuBefore = 0;

interface Outbox {
  results: JobResult[];
  busyMs: number;
  decodeMs: number;
  batches: number[];
  /** Only where there is one. */
  traced?: BatchRun[];
}

function emptyOutbox(): Outbox {
  return { results: [], busyMs: 0, decodeMs: 0, batches: [] };
}

function send(message: FromLane): void {
  process.send?.(message);
}

/** All results of one turn of the event loop go in one message, and with them the runs since the last one. */
function post(result: JobResult): void {
  if (outbox.results.push(result) === 1) setImmediate(empty);
}

function empty(): void {
  send({ type: 'results', ...outbox });
  outbox = emptyOutbox();
}

/** Runs that gave no result yet are told with the pulse. A lane whose decoder is stuck says so: the gateway ends it, and finds out which picture it is. */
function beat(): void {
  if ((engine?.decodingMs ?? 0) > STUCK_MS) {
    send({ type: 'stuck' });
    return;
  }
  if (outbox.batches.length > 0 && outbox.results.length === 0) empty();
  send({ type: 'beat', usage: usage() });
}

function usage(): LaneUsage {
  const { user, system } = process.cpuUsage();
  const cpuMs = (user + system - cpuBefore) / 1000;
  cpuBefore = user + system;
  return { cpuMs, residentBytes: process.memoryUsage.rss() };
}

async function load(message: Extract<ToLane, { type: 'load' }>): Promise<void> {
  const { counts } = message;
  limits = message.limits;
  // One lane of the first set only: the others start sooner without what reads graphs.
  const { countRungMacs } = counts ? await import('../cascade/onnx/macs.js') : {};
  const broken: BrokenCascade[] = [];
  const macs: Record<string, readonly (readonly number[])[]> = {};
  for (const cascade of message.cascades) {
    const { name } = cascade;
    try {
      const loaded = await loadSessions(cascade, limits.threads);
      // Now, before more is loaded: what it needs for a moment leaves gaps in the heap that the next cascade fills.
      if (countRungMacs !== undefined) macs[name] = await countRungMacs(cascade.rungs);
      cascades.set(name, loaded);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      broken.push({ cascade: name, file: error.file, key: error.key, reason: error.reason });
    }
  }
  send({ type: 'loaded', broken, macs: counts ? macs : undefined });
}

async function measurePart(part: Part): Promise<Measured> {
  if ('sides' in part) return { decode: await measureDecodes(part.sides) };
  const { cascade, rung } = part;
  return { cascade, rung, stages: await measureRung(cascades.get(cascade)!, rung) };
}

function start(message: Extract<ToLane, { type: 'start' }>): void {
  // One that another lane could not count is left out.
  for (const name of cascades.keys()) if (message.facts.cascades[name] === undefined) cascades.delete(name);
  engine = new Engine(cascades, message.facts, message.plans, limits, {
    result: post,
    run: (batch, ms) => {
      outbox.busyMs += ms;
      outbox.batches.push(batch);
    },
    decode: (ms) => {
      outbox.decodeMs += ms;
    },
    traced: (run) => {
      outbox.traced ??= [];
      outbox.traced.push(run);
    },
  });
  send({ type: 'ready', residentBytes: process.memoryUsage.rss() });
}

async function receive(message: ToLane): Promise<void> {
  switch (message.type) {
    case 'load':
      return load(message);
    case 'measure':
      return send({ type: 'measured', measured: await measurePart(message.part) });
    case 'start':
      return start(message);
    case 'plans':
      engine!.add(message.added);
      engine!.retire(message.retired);
      return;
    case 'jobs':
      for (const job of message.jobs) engine!.submit(job);
      return;
    case 'cancel':
      for (const id of message.ids) engine!.cancel(id);
  }
}

process.on('message', (message: ToLane) => {
  receive(message).catch((error: unknown) => {
    // A lane that cannot go on must not linger half-alive: the gateway replaces it and sends its pictures to another.
    console.error(error);
    process.exit(1);
  });
});
// The gateway is gone: nobody will take an answer.
process.on('disconnect', () => process.exit(0));
// Ctrl-C and the end of a terminal reach the whole process group; only the gateway decides when a lane stops.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
setInterval(beat, BEAT_MS).unref();
