/** Scans the model repository: models/NAME/cascade.yaml -> {@link Cascade}. A broken one is reported and left out. */

import { lstat, readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { exists, readYaml } from '../config-file.js';
import { ConfigError } from '../errors.js';
import { type Cascade, type Rung, rungId } from './cascade.js';
import { type Graph, Manifest, NAME } from './manifest.js';

export interface Repository {
  readonly cascades: readonly Cascade[];
  readonly broken: readonly ConfigError[];
}

/**
 * Loads each folder of `directory` that holds a cascade.yaml.
 * @throws ConfigError when the directory itself cannot be read
 */
export async function loadRepository(directory: string): Promise<Repository> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(directory, '', `the model repository cannot be read: ${error.code}`);
  });
  const cascades: Cascade[] = [];
  const broken: ConfigError[] = [];
  for (const entry of entries.sort((a, b) => a.name.localeCompare(b.name))) {
    const file = join(directory, entry.name, 'cascade.yaml');
    try {
      // A folder, or a symbolic link to one as mounted volumes have them.
      if (!(await isCascade(file, entry.name))) continue;
      const cascade = await loadCascade(file, entry.name);
      const first = cascades.find(({ isDefault }) => isDefault);
      if (cascade.isDefault && first !== undefined)
        throw new ConfigError(file, 'default', `found true, as in ${first.file}; allowed: one cascade`);
      cascades.push(cascade);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      broken.push(error);
    }
  }
  return { cascades, broken };
}

/** @throws ConfigError naming the key that does not fit the schema, the other keys or the files on disk */
export async function loadCascade(file: string, name: string): Promise<Cascade> {
  const manifest = await readYaml(Manifest, file);
  const rungs = manifest.rungs.map((_, index) => resolveRung(manifest, index, file));
  const seen = new Set<string>();
  for (const [index, rung] of rungs.entries()) {
    if (seen.has(rung.id)) throw new ConfigError(file, `rungs[${index}]`, `${rung.id} is listed twice`);
    seen.add(rung.id);
  }
  const made = new Set<string>();
  for (const [g, graph] of manifest.graphs.entries()) {
    for (const resolution of graph.resolutions) {
      const id = rungId({ ...graph, resolution });
      if (made.has(id)) throw new ConfigError(file, `graphs[${g}].resolutions`, `${id} has another graph before`);
      made.add(id);
    }
    for (const [s, stage] of graph.stages.entries()) {
      if (!(await exists(resolve(dirname(file), stage.file)))) {
        throw new ConfigError(
          file,
          `graphs[${g}].stages[${s}].file`,
          `${stage.file} does not exist beside cascade.yaml`,
        );
      }
    }
  }
  return {
    name,
    file,
    description: manifest.description,
    isDefault: manifest.default === true,
    labels: manifest.labels.map((label) => (typeof label === 'string' ? { name: label } : clean(label))),
    input: manifest.input,
    rungs,
  };
}

function resolveRung(manifest: Manifest, index: number, file: string): Rung {
  const rung = manifest.rungs[index]!;
  const serves = (g: Graph) =>
    g.backbone === rung.backbone && g.width === rung.width && g.resolutions.includes(rung.resolution);
  const graph = manifest.graphs.find(serves);
  if (graph === undefined) {
    const known = manifest.graphs.flatMap((g) => g.resolutions.map((resolution) => rungId({ ...g, resolution })));
    throw new ConfigError(file, `rungs[${index}]`, `no graph for ${rungId(rung)}; there are: ${known.join(', ')}`);
  }
  for (const key of ['temperatures', 'accuracy'] as const) {
    const values = rung[key];
    if (values !== undefined && values.length !== graph.stages.length) {
      const reason = `found ${values.length} numbers; ${rung.backbone} has ${graph.stages.length} exits`;
      throw new ConfigError(file, `rungs[${index}].${key}`, reason);
    }
  }
  return {
    id: rungId(rung),
    backbone: rung.backbone,
    width: rung.width,
    resolution: rung.resolution,
    stages: graph.stages.map((stage, exit) => ({
      file: resolve(dirname(file), stage.file),
      inputs: stage.inputs,
      features: stage.features,
      logits: stage.logits,
      temperature: rung.temperatures?.[exit] ?? 1,
    })),
    ...(rung.accuracy === undefined ? {} : { accuracy: rung.accuracy }),
  };
}

function clean(label: { name: string; wnid?: string | undefined }) {
  return label.wnid === undefined ? { name: label.name } : { name: label.name, wnid: label.wnid };
}

/**
 * False for a file, and for a folder without a cascade.yaml.
 * @throws ConfigError where there is one, or something that was meant for one, that cannot be read
 */
async function isCascade(file: string, name: string): Promise<boolean> {
  const code = await lstat(file).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
  if (code === undefined) return true;
  // A volume has folders of its own that nobody may look into (lost+found): their names are none of a cascade.
  if (!NAME.test(name)) return false;
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw new ConfigError(file, '', `cannot be read: ${code}`);
  if (await exists(`${file.slice(0, -'yaml'.length)}yml`))
    throw new ConfigError(file, '', 'found cascade.yml; allowed: cascade.yaml');
  return false;
}
