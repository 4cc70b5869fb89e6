/**
 * How the gateway grows: throughput by lanes, the cost of a picture by its size and by its depth, start, reload and memory. All in one
 * run, in rounds that measure each thing once.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { likePhotograph } from '../src/lane/decode-costs.js';
import { type LaneRun, laneCases, measureLanes } from './scaling/lanes.js';
import { measureReloads, type ReloadTimes } from './scaling/reloads.js';
import { type Rounds, type ScalingReport, scalingReport } from './scaling/report.js';
import { measureSingle, type SingleRun } from './scaling/single.js';
import { measureStart, type StartCase, type StartRun } from './scaling/starts.js';
import { scalingText } from './scaling/text.js';
import { openWorkshop, type Workshop } from './scaling/workshop.js';
import { canPin } from './support/affinity.js';
import { Asker } from './support/asker.js';
import { describedPictures, picturesOf } from './support/folder.js';
import { machine } from './support/machine.js';
import { keepResult } from './support/result.js';
import { caption, commandOf, shownPictures, writeResults } from './support/result-block.js';

const SIDES = [64, 128, 256, 512, 1024, 2048, 4000];
const WARM_SECONDS = 3;
const PAGE = 'docs/scaling.md';

/** Of a section: file and what it shows. */
const PICTURES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  lanes: { 'scaling-lanes.svg': 'Images a second by lanes' },
  size: { 'scaling-size.svg': 'Milliseconds of one picture by the side of its source' },
  depth: { 'scaling-depth.svg': 'Milliseconds of inference by multiply-accumulates' },
};

export const SECTIONS = ['lanes', 'size', 'depth', 'start', 'reload'] as const;
export type Section = (typeof SECTIONS)[number];

export const usage = `Usage: npm run bench -- scaling [options]

Options:
  --data <dir>        pictures of the lanes and depths, also in folders below; default: some drawn by script
  --cascade <name>    default: the gateway's default
  --policies <list>   of the lanes, default: full,balanced
  --walk <list>       policies whose routes are walked to each depth, default: full,balanced
  --lanes <list>      default: 1, 2, 4 ... and as many as there are cores
  --sides <list>      of square JPEGs, pixels, default: ${SIDES.join(',')}
  --seconds <n>       of each measurement, default 5
  --rounds <n>        default 5
  --only <list>       of ${SECTIONS.join(', ')}; default: all
  --svg <dir>         draws scaling-lanes.svg, scaling-size.svg, scaling-depth.svg there
  --docs              writes the results into ${PAGE}
  --json              prints the result as JSON; it is always written to bench/results/
  --help

Fails (exit code 1) on any answer but 200.
`;

export type ScalingOptions = ReturnType<typeof parse>;

function parse(args: readonly string[], cores: number) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const lists = { policies: text, walk: text, lanes: text, sides: text, only: text };
  const { values } = parseArgs({
    args: [...args],
    options: { data: text, cascade: text, ...lists, seconds: text, rounds: text, svg: text, docs: flag, json: flag },
  });
  const positive = (name: string, value: string | number) => {
    if (!(Number(value) > 0)) throw new RangeError(`--${name}: allowed are numbers above 0`);
    return Number(value);
  };
  const list = (name: keyof typeof lists, standard: readonly string[]) => values[name]?.split(',') ?? standard;
  const numbers = (name: keyof typeof lists, standard: readonly number[]) =>
    list(name, standard.map(String)).map((value) => Math.ceil(positive(name, value)));
  const only = list('only', SECTIONS);
  const unknown = only.find((name) => !SECTIONS.includes(name as Section));
  if (unknown !== undefined) throw new RangeError(`--only: found "${unknown}"; allowed are ${SECTIONS.join(', ')}`);
  return {
    ...values,
    policies: list('policies', ['full', 'balanced']),
    walk: list('walk', ['full', 'balanced']),
    // What is compared with is one lane.
    lanes: [...new Set([1, ...numbers('lanes', doublings(cores))])].sort((a, b) => a - b),
    sides: numbers('sides', SIDES),
    seconds: positive('seconds', values.seconds ?? 5),
    rounds: Math.ceil(positive('rounds', values.rounds ?? 5)),
    sections: new Set(only as Section[]),
  };
}

/** 1, 2, 4 ... and the number itself. */
function doublings(most: number): number[] {
  const powers = Array.from({ length: Math.floor(Math.log2(most)) + 1 }, (_, power) => 2 ** power);
  return [...new Set([...powers, most])];
}

export async function run(args: readonly string[]): Promise<number> {
  const where = machine();
  const options = parse(args, where.cores);
  const pictures = await picturesOf(options.data);
  const sources = await Promise.all(
    options.sides.map(async (side) => ({ side, image: await likePhotograph(side, side) })),
  );
  const pins = canPin();
  await using workshop = await openWorkshop(options);
  const rounds = await measure(options, { workshop, pictures, sources, pins, cores: where.cores });
  const report = scalingReport({
    where,
    options,
    pins,
    pictures: describedPictures(pictures, options.data),
    ...rounds,
  });
  const json = `${JSON.stringify(report, undefined, 2)}\n`;
  const file = await keepResult('scaling', where.date, json);
  const text = scalingText(report);
  process.stdout.write(options.json ? json : `${Object.values(text).join('\n\n')}\n`);
  if (options.svg !== undefined) await draw(report, options.svg);
  if (options.docs) {
    const head = caption(where, commandOf('scaling', args));
    const named = Object.entries(text).map(([section, shown]) => {
      const pictures = shownPictures(options.svg, PICTURES[section] ?? {});
      return [`scaling ${section}`, `${head}\n\n${shown}${pictures}`];
    });
    await writeResults(PAGE, Object.fromEntries(named));
  }
  process.stderr.write(`written to ${file}\n`);
  return 0;
}

async function draw(report: ScalingReport, folder: string): Promise<void> {
  const { scalingCharts } = await import('./scaling/charts.js');
  for (const [name, svg] of Object.entries(await scalingCharts(report))) await writeFile(join(folder, name), svg);
}

interface Bench {
  readonly workshop: Workshop;
  readonly pictures: readonly Uint8Array[];
  readonly sources: readonly { readonly side: number; readonly image: Uint8Array }[];
  readonly pins: boolean;
  readonly cores: number;
}

async function measure(options: ScalingOptions, { workshop, pictures, sources, pins, cores }: Bench): Promise<Rounds> {
  const { seconds, rounds, sections } = options;
  const { gateways, load, cascade, depths, names } = workshop;
  const one = gateways.get(1)!;
  using asker = new Asker(one.port);
  const path = (policy: string) => `/v1/classify?cascade=${cascade}&policy=${policy}`;
  const lanes: LaneRun[] = [];
  const sizes = new Map<number, SingleRun[]>(sources.map(({ side }) => [side, []]));
  const deep = new Map<string, SingleRun[]>(depths.map(({ name }) => [name, []]));
  const starts: StartRun[] = [];
  const reloads: ReloadTimes[] = [];
  const laneBench = { gateways, load, pictures, cascade, pins };
  const cases = laneCases(options.lanes, options.policies, cores, pins);
  const startCases = startCasesOf(names, cascade, options.lanes);

  if (sections.has('lanes')) for (const each of cases) await measureLanes(laneBench, each, WARM_SECONDS);
  for (let round = 1; round <= rounds; round++) {
    if (sections.has('lanes')) for (const each of cases) lanes.push(await measureLanes(laneBench, each, seconds));
    if (sections.has('size'))
      for (const { side, image } of sources)
        sizes.get(side)!.push(await measureSingle(one, asker, path('full'), [image], seconds / 2));
    if (sections.has('depth'))
      for (const { name } of depths)
        deep.get(name)!.push(await measureSingle(one, asker, path(name), pictures, seconds / 2));
    if (sections.has('start'))
      for (const each of startCases) starts.push(await measureStart(each, load, pictures, seconds / 2));
    process.stderr.write(`round ${round} of ${rounds}\n`);
  }
  // Last: other models are served by other lanes, and what is above looks at the processes of the first ones.
  if (sections.has('reload'))
    for (let round = 1; round <= rounds; round++) reloads.push(await measureReloads(one, workshop.folders, names));
  const bytes = new Map(sources.map(({ side, image }) => [side, image.length]));
  return { cascade, names, cases, lanes, sizes, bytes, depths, deep, startCases, starts, reloads };
}

/** The default cascade alone and all of them, on one lane and on as many as there shall be. */
function startCasesOf(names: readonly string[], cascade: string, lanes: readonly number[]): StartCase[] {
  const sets = names.length > 1 ? [[cascade], [...names]] : [[cascade]];
  return sets.flatMap((cascades) => [...new Set([1, lanes.at(-1)!])].map((each) => ({ cascades, lanes: each })));
}
