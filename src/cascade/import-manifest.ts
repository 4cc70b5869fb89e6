/** cascade.yaml with one imported graph put in: what was there for other backbones and widths stays. */

import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Document, isCollection, isScalar, parseDocument, visit } from 'yaml';
import { parseYaml, readYaml } from '../config-file.js';
import { ConfigError } from '../errors.js';
import { rungId } from './cascade.js';
import { Manifest } from './manifest.js';
import { countFileMacs } from './onnx/macs.js';

/** A label as cascade.yaml has it. */
export type LabelSpec = string | { readonly name: string; readonly wnid?: string | undefined };

/** What is known of a rung's exits; one value per exit. */
export interface Calibration {
  readonly resolution: number;
  readonly temperatures: readonly number[];
  /** Measured top-1, 0..1. */
  readonly accuracy?: readonly number[] | undefined;
}

/** What the first stage takes. */
export interface CascadeInput {
  readonly layout: Manifest['input']['layout'];
  readonly tensor: string;
  readonly scale: number;
  /** undefined: as the cascade has it already, or the schema's default. */
  readonly kernel: Manifest['input']['kernel'] | undefined;
}

/** A graph on its way into a cascade. */
export interface Addition {
  /** cascade.yaml; stage files of other graphs are read beside it. */
  readonly file: string;
  readonly existing: Manifest | undefined;
  readonly graph: Manifest['graphs'][number];
  readonly input: CascadeInput;
  readonly labels: readonly LabelSpec[] | undefined;
  /** Number of logits of the graph. */
  readonly classes: number;
  readonly calibration: readonly Calibration[];
  readonly description: string | undefined;
  /** MACs of the graph to its last exit, by resolution: its rungs. */
  readonly macs: ReadonlyMap<number, number>;
  /** Of its stage files. */
  readonly bytes: number;
}

type Rung = Manifest['rungs'][number];

/** The cascade's manifest; undefined where there is none yet. */
export async function readManifest(file: string): Promise<Manifest | undefined> {
  const isThere = await readFile(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  return isThere ? readYaml(Manifest, file) : undefined;
}

/**
 * Puts a graph and its rungs in, in place of those of the same backbone, width and resolution. Rungs are sorted by the MACs of their whole
 * graph, those with as many by the bytes of its files: floats are dearer than the same in 8 bits, whichever was imported last.
 * @throws ConfigError when labels, input layout or calibration do not fit, or a stage file of another graph is broken
 */
export async function mergeManifest(addition: Addition): Promise<Manifest> {
  const { file, existing, graph, input, macs, bytes } = addition;
  const labels = mergedLabels(addition);
  if (existing !== undefined) checkInput(file, existing.input, input);
  const isOther = (entry: { backbone: string; width: number }, resolution: number): boolean =>
    entry.backbone !== graph.backbone || entry.width !== graph.width || !graph.resolutions.includes(resolution);
  const graphs = existing?.graphs ?? [];
  const others = graphs
    .map((other) => ({ ...other, resolutions: other.resolutions.filter((side) => isOther(other, side)) }))
    .filter((other) => other.resolutions.length > 0);
  // Those before the first that it replaces stay whole, so its place among all is its place among the others.
  const before = graphs.findIndex((other) => other.resolutions.some((side) => !isOther(other, side)));
  const place = before < 0 ? others.length : before;
  const costed: { rung: Rung; macs: number; bytes: number }[] = [];
  for (const rung of existing?.rungs.filter((r) => isOther(r, r.resolution)) ?? []) {
    const serves = (other: Manifest['graphs'][number]): boolean =>
      other.backbone === rung.backbone && other.width === rung.width && other.resolutions.includes(rung.resolution);
    const of = others.find(serves);
    if (of === undefined) throw new ConfigError(file, 'rungs', `no graph for ${rungId(rung)}`);
    costed.push({ rung, ...(await wholeCost(file, of, rung.resolution)) });
  }
  for (const [resolution, cost] of macs) costed.push({ rung: newRung(addition, resolution), macs: cost, bytes });
  const stray = addition.calibration.find(({ resolution }) => !macs.has(resolution));
  if (stray !== undefined) {
    throw new ConfigError(
      file,
      'calibration',
      `found resolution ${stray.resolution}; allowed: ${[...macs.keys()].join(', ')}`,
    );
  }
  const kernel = input.kernel ?? existing?.input.kernel ?? 'cubic';
  return {
    description: addition.description ?? existing?.description ?? '',
    ...(existing?.default === undefined ? {} : { default: existing.default }),
    labels,
    input: { layout: input.layout, tensor: input.tensor, scale: input.scale, kernel },
    graphs: [...others.slice(0, place), graph, ...others.slice(place)],
    rungs: costed.sort((a, b) => a.macs - b.macs || a.bytes - b.bytes).map(({ rung }) => rung),
  };
}

/**
 * The text of cascade.yaml. Comments of the file that is there stay where their keys stay.
 * @throws ConfigError when the schema refuses what was put together, an impossible width for one
 */
export async function writtenManifest(file: string, manifest: Manifest): Promise<string> {
  const before = await readFile(file, 'utf8').catch(() => undefined);
  const document = before === undefined ? new Document({}) : parseDocument(before);
  const old: unknown = document.toJS();
  for (const [key, value] of Object.entries(manifest)) {
    const unchanged = JSON.stringify((old as Record<string, unknown>)[key]) === JSON.stringify(value);
    if (!unchanged) document.set(key, document.createNode(value));
  }
  visit(document, {
    Collection: (_, collection) => {
      if (collection.items.length > 0 && collection.items.every(isPlain)) collection.flow = isShort(collection);
    },
  });
  const text = document.toString({ lineWidth: 120, flowCollectionPadding: false });
  parseYaml(Manifest, text, file);
  return text;
}

function mergedLabels({ file, existing, labels, classes }: Addition): Manifest['labels'] {
  const merged: readonly LabelSpec[] = labels ?? existing?.labels ?? [];
  if (merged.length !== classes) {
    throw new ConfigError(file, 'labels', `found ${merged.length} labels; the graph has ${classes} logits`);
  }
  if (existing !== undefined && labels !== undefined) {
    // Names may not change under the other rungs; ids may be added.
    const differs = labels.findIndex((label, at) => nameOf(label) !== nameOf(existing.labels[at] ?? ''));
    if (existing.labels.length !== labels.length || differs >= 0) {
      const found = differs >= 0 ? `"${nameOf(labels[differs]!)}" as label ${differs}` : `${labels.length} labels`;
      throw new ConfigError(
        file,
        'labels',
        `found ${found}; the cascade has other labels, and all its rungs share them`,
      );
    }
  }
  return merged.map((label, at) => {
    const before = existing?.labels[at];
    const [id, known] = [wnidOf(label), wnidOf(before ?? '')];
    if (id !== undefined && known !== undefined && id !== known)
      throw new ConfigError(file, 'labels', `found "${id}" for "${nameOf(label)}"; the cascade has "${known}"`);
    if (typeof label === 'string') return before ?? label;
    return label.wnid === undefined ? (before ?? { name: label.name }) : { name: label.name, wnid: label.wnid };
  });
}

function checkInput(file: string, existing: Manifest['input'], input: CascadeInput): void {
  for (const key of ['layout', 'tensor', 'scale', 'kernel'] as const) {
    if (input[key] === undefined || input[key] === existing[key]) continue;
    throw new ConfigError(
      file,
      `input.${key}`,
      `found ${existing[key]}, but the new graph has ${input[key]}; rungs share one input`,
    );
  }
}

function newRung({ file, graph, calibration }: Addition, resolution: number): Rung {
  const known = calibration.find((entry) => entry.resolution === resolution);
  for (const key of ['temperatures', 'accuracy'] as const) {
    const found = known?.[key]?.length ?? graph.stages.length;
    if (found === graph.stages.length) continue;
    throw new ConfigError(
      file,
      `calibration.${key}`,
      `found ${found} values at ${resolution} pixels; exits: ${graph.stages.length}`,
    );
  }
  return {
    backbone: graph.backbone,
    width: graph.width,
    resolution,
    ...(known === undefined ? {} : { temperatures: [...known.temperatures] }),
    ...(known?.accuracy === undefined ? {} : { accuracy: [...known.accuracy] }),
  };
}

async function wholeCost(
  file: string,
  graph: Manifest['graphs'][number],
  resolution: number,
): Promise<{ macs: number; bytes: number }> {
  const stages = graph.stages.map((stage) => ({ ...stage, file: join(dirname(file), stage.file) }));
  const [macs] = await countFileMacs(stages, [resolution]);
  const sizes = await Promise.all(stages.map((stage) => stat(stage.file)));
  return { macs: sum(macs!), bytes: sum(sizes.map(({ size }) => size)) };
}

function nameOf(label: LabelSpec): string {
  return typeof label === 'string' ? label : label.name;
}

function wnidOf(label: LabelSpec): string | undefined {
  return typeof label === 'string' ? undefined : label.wnid;
}

/** Whether a collection's item is a scalar, or a pair of scalars. */
function isPlain(item: unknown): boolean {
  if (isScalar(item)) return true;
  return typeof item === 'object' && item !== null && 'value' in item && !isCollection(item.value);
}

/** Lists always fit on folded lines; maps (labels with an id) read well in one line up to a few keys. */
function isShort(collection: { readonly items: readonly unknown[] }): boolean {
  return collection.items.every((item) => isScalar(item)) || collection.items.length <= 2;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
