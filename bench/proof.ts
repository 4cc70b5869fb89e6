/**
 * Everything side by side in one run: the limit, Sluice by policy, and peers that serve the same network as a static one. Closed loop at
 * saturation in rounds, then open loop at parts of the load, then one request at a time.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadCascade } from '../src/cascade/loader.js';
import { PEERS } from './peers/peers.js';
import type { Contestant } from './support/contestant.js';
import { limit, peer, sluice } from './support/contestants.js';
import { GatewayProcess, ROOT } from './support/gateway.js';
import { machine } from './support/machine.js';
import { PeerServer, type Served } from './support/peer-server.js';
import { photographs } from './support/photographs.js';
import { cpuBetween, usageOf } from './support/processes.js';
import { proofChart } from './support/proof-chart.js';
import { CHART, PAGE, writeDocs } from './support/proof-docs.js';
import { openLoop } from './support/proof-open.js';
import { overhead } from './support/proof-overhead.js';
import { proofReport } from './support/proof-report.js';
import { rounds } from './support/proof-rounds.js';
import { proofText } from './support/proof-text.js';
import { keepResult } from './support/result.js';
import { spread } from './support/stats.js';
import { writeWholeGraph } from './support/whole-graph.js';

/** A load at saturation is to be answered, not refused for the time that it waits. */
const FLAGS = ['--lanes', '2', '--max-wait-ms', '60000'];
const POLICIES = ['full', 'balanced', 'fast'];
/** Of each try of a setting at the most. */
const TRY_SECONDS = 1.5;
const IDLE_SECONDS = 2;

export const usage = `Usage: npm run bench
       npm run bench -- proof [options]

Options:
  --data <dir>      photographs, one folder a class (named by label, wnid or index) or all in one; default: drawn by script
  --labelled <dir>  more pictures, one folder a class, asked once of everybody for their top-1 (of 80 photographs each is 1.25 points)
  --cascade <name>  default: the gateway's default
  --peers <list>    of ${PEERS.map(({ name }) => name).join(',')}; default: all; "none"
  --seconds <n>     of each measurement, default 5; at a part of the load longer, until 1,000 requests are sent
  --rounds <n>      default 5
  --svg <file>      draws throughput and latency
  --docs            writes tables and chart into docs/performance.md, where no answer failed
  --json            prints the result as JSON; it is always written to bench/results/
  --help

With all peers and the defaults it takes forty minutes. Peers in Python are installed from PyPI the first time, into the user's
cache (sluice/peers); one that does not install or start is named with its reason and left out. Fails (exit code 1) on wrong or failed
answers; whether targets are met is told only.
`;

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const options = {
    data: text,
    labelled: text,
    cascade: text,
    peers: text,
    seconds: text,
    rounds: text,
    svg: text,
    docs: flag,
    json: flag,
  };
  const { values } = parseArgs({ args: [...args], options });
  const positive = (name: 'seconds' | 'rounds') => {
    const value = Number(values[name] ?? 5);
    if (!(value > 0)) throw new RangeError(`--${name}: allowed are numbers above 0`);
    return value;
  };
  const wanted = values.peers === 'none' ? [] : (values.peers?.split(',') ?? PEERS.map(({ name }) => name));
  const stray = wanted.find((name) => !PEERS.some((each) => each.name === name));
  if (stray !== undefined) throw new RangeError(`--peers: found "${stray}"; allowed: ${PEERS.map(({ name }) => name)}`);
  const peers = PEERS.filter(({ name }) => wanted.includes(name));
  return { ...values, peers, seconds: positive('seconds'), rounds: Math.ceil(positive('rounds')) };
}

type Options = ReturnType<typeof parse>;

export async function run(args: readonly string[]): Promise<number> {
  const options = parse(args);
  const where = machine();
  say(`load average before: ${where.load_before.toFixed(2)} (above 0.5 the machine is not idle)`);
  const contestants: Contestant[] = [];
  const gateway = await GatewayProcess.start(ROOT, FLAGS);
  const folder = await mkdtemp(join(tmpdir(), 'sluice-proof-'));
  try {
    const report = proofReport({ where, ...(await measure(options, gateway, folder, contestants)) });
    const json = `${JSON.stringify(report, undefined, 2)}\n`;
    const file = await keepResult('proof', where.date, json);
    const text = proofText(report);
    if (options.svg !== undefined) await writeFile(options.svg, await proofChart(report));
    process.stdout.write(options.json ? json : `${text}\n`);
    say(`written to ${file}`);
    const isRight = report.wrong.length === 0;
    if (options.docs && isRight) await writeDocs(text, await proofChart(report));
    if (options.docs) say(isRight ? `written to docs/${PAGE} and docs/${CHART}` : 'not written to docs: see WRONG');
    return isRight ? 0 : 1;
  } finally {
    for (const contestant of contestants) contestant.stop();
    await gateway.stop();
    await rm(folder, { recursive: true });
  }
}

/** @param contestants filled as they start, so that whoever calls can stop them whatever happens */
async function measure(options: Options, gateway: GatewayProcess, folder: string, contestants: Contestant[]) {
  const { cascades } = await gateway.get<{ cascades: { name: string; default: boolean }[] }>('/v1/cascades');
  const name = options.cascade ?? cascades.find((each) => each.default)!.name;
  const cascade = await loadCascade(join(ROOT, 'models', name, 'cascade.yaml'), name);
  const rung = cascade.rungs.at(-1)!;
  const { images, labels, from } = await photographs(options.data, name);
  const labelled = options.labelled === undefined ? undefined : await photographs(options.labelled, name);
  if (labelled?.labels.includes(undefined))
    throw new RangeError(`--labelled: ${options.labelled} has pictures outside of folders named by class`);
  const given = { cascade: name, pictures: images };
  const graph = join(folder, 'whole.onnx');
  await writeWholeGraph(cascade, rung, graph);

  contestants.push(await limit(given), ...POLICIES.map((policy) => sluice(gateway, FLAGS, policy, given)));
  const idleCores: Record<string, number> = { sluice: await idle(() => [gateway.pid, ...gateway.lanePids]) };
  const leftOut: { name: string; reason: string }[] = [];
  const served: Served = { graph, side: rung.resolution, input: cascade.input, picture: images[0]!, folder };
  for (const each of options.peers) {
    say(`starting ${each.name}`);
    try {
      const contestant = peer(await PeerServer.start(each, served), given);
      contestants.push(contestant);
      idleCores[each.name] = await idle(() => contestant.pids());
      contestant.pause();
    } catch (error) {
      leftOut.push({ name: each.name, reason: (error as Error).message });
      say(`${each.name}: left out: ${(error as Error).message}`);
    }
  }

  const { seconds } = options;
  const plan = { rounds: options.rounds, seconds, trySeconds: Math.min(TRY_SECONDS, seconds), say };
  const measured = await rounds(contestants, plan);
  const top1 = new Map<Contestant, readonly number[]>();
  const labelledTop1 = new Map<Contestant, readonly number[]>();
  for (const contestant of measured.runs.keys()) {
    contestant.resume();
    top1.set(contestant, await contestant.top1(images));
    if (labelled !== undefined) {
      say(`asking ${contestant.name} of ${labelled.images.length} labelled pictures`);
      labelledTop1.set(contestant, await contestant.top1(labelled.images));
    }
    contestant.pause();
  }
  const rates = [...measured.runs].flatMap(([{ name, kind }, runs]) =>
    kind === 'sluice'
      ? [[name.replace('sluice ', ''), spread(runs.map((run) => run.imagesPerSecond)).median] as const]
      : [],
  );
  const open = await openLoop(gateway, { ...plan, ...given, saturation: new Map(rates) });
  const bare = await overhead(gateway, { ...plan, ...given });
  const pictures = { count: images.length, from };
  const { rounds: count } = options;
  return {
    ...{ cascade: name, rung: rung.id, pictures, labels, rounds: count, seconds },
    ...{ measured, top1, idleCores, leftOut, open, overhead: bare },
    ...(labelled === undefined ? {} : { labelled: { labels: labelled.labels, top1: labelledTop1 } }),
  };
}

/** Cores that processes take without work, a moment after their last. */
async function idle(pids: () => readonly number[]): Promise<number> {
  await sleep(1000);
  const before = usageOf(pids());
  await sleep(IDLE_SECONDS * 1000);
  return cpuBetween(before, usageOf(pids())) / IDLE_SECONDS;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
