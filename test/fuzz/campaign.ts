/** Sends mutated requests to a gateway and keeps account: answers, hangs, lanes lost, memory. */

import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from './random.js';
import { type FuzzRequest, fuzzRequest, sources } from './requests.js';

export interface Target {
  readonly port: number;
  /** Of the gateway's own process. */
  readonly pid: number;
  /** Of its lanes now. */
  lanes(): readonly number[];
}

export interface CampaignReport {
  readonly seed: number;
  readonly sent: number;
  /** By kind of request and status; `closed`: no answer, the connection was closed. */
  readonly answers: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Answered with 5xx other than 503, or not within {@link HANG_MS}: files with the bytes that were sent. */
  readonly failures: readonly string[];
  /** Resident memory of the gateway and of each lane, bytes: after the first half, and at the end. */
  readonly memory: readonly (readonly number[])[];
}

/** Without an answer for so long a request is said to hang. The server closes what is incomplete before that. */
export const HANG_MS = 30_000;
/** Time for garbage to go, with nothing to do. */
const CALM_MS = 2000;

/**
 * @param count requests
 * @param callers at a time
 */
export async function campaign(target: Target, seed: number, count: number, callers = 16): Promise<CampaignReport> {
  const pictures = await sources();
  const answers: Record<string, Record<string, number>> = {};
  const failures: string[] = [];
  let folder: string | undefined;
  const keep = async (index: number, { kind, bytes }: FuzzRequest, outcome: string) => {
    folder ??= await mkdtemp(join(tmpdir(), 'sluice-fuzz-'));
    const file = join(folder, `${seed}-${index}-${kind}-${outcome}.bin`);
    await writeFile(file, bytes);
    failures.push(file);
  };
  const one = async (index: number) => {
    // Each has a generator of its own, so that one can be made again without those before it.
    const request = fuzzRequest(new Random(Math.imul(seed, 0x9e3779b1) + index), pictures);
    const outcome = await exchange(target.port, request);
    answers[request.kind] ??= {};
    const byStatus = answers[request.kind]!;
    byStatus[outcome] = (byStatus[outcome] ?? 0) + 1;
    if (outcome === 'hang' || (/^5/.test(outcome) && outcome !== '503')) await keep(index, request, outcome);
  };
  const range = async (from: number, to: number) => {
    let next = from;
    const caller = async () => {
      while (next < to) await one(next++);
    };
    await Promise.all(Array.from({ length: callers }, caller));
    await new Promise((resolve) => setTimeout(resolve, CALM_MS));
    return resident(target);
  };
  // What libraries, heaps and caches take until they are warm is no leak.
  const memory = [await range(0, Math.ceil(count / 2)), await range(Math.ceil(count / 2), count)];
  return { seed, sent: count, answers, failures, memory };
}

/** The status, `closed` or `hang`. */
function exchange(port: number, { kind, bytes }: FuzzRequest): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect({ port, host: '127.0.0.1' });
    const timer = setTimeout(() => done('hang'), HANG_MS);
    function done(outcome: string): void {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    }
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      heard += text.slice(0, 64);
      const status = /^HTTP\/1\.1 ([2-5]\d\d) /.exec(heard)?.[1];
      if (status !== undefined) done(status);
    });
    socket.on('error', () => done('closed'));
    socket.on('close', () => done('closed'));
    // A spoilt head may promise more than there is: that no more comes is said. Where all is there, Node would take it for leaving.
    if (kind === 'head') socket.end(bytes);
    else socket.write(bytes);
  });
}

/** Of the gateway and its lanes, bytes (Linux; elsewhere 0). */
async function resident({ pid, lanes }: Target): Promise<readonly number[]> {
  const pages = async (each: number) =>
    (await readFile(`/proc/${each}/statm`, 'utf8').catch(() => '0 0')).split(' ')[1];
  return Promise.all([pid, ...lanes()].map(async (each) => 4096 * Number(await pages(each))));
}

/** How much more all processes hold at the end than after the first half, as a share. */
export function growth({ memory }: CampaignReport): number {
  const [before, after] = [memory[0]!, memory.at(-1)!].map((parts) => parts.reduce((sum, each) => sum + each, 0)) as [
    number,
    number,
  ];
  return before === 0 ? 0 : after / before - 1;
}

/** Answers of all kinds by status, as one line. */
export function summary({ answers }: CampaignReport): string {
  return Object.entries(answers)
    .map(
      ([kind, byStatus]) =>
        `${kind}: ${Object.entries(byStatus)
          .sort()
          .map(([s, n]) => `${s} x ${n}`)
          .join(', ')}`,
    )
    .join('\n');
}
