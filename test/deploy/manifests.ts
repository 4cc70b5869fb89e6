/** The files of deploy/, as their tests look at them. */

import { readdir, readFile } from 'node:fs/promises';
import { parse, parseAllDocuments } from 'yaml';
import { ROOT } from '../support/gateway.js';

// biome-ignore lint/suspicious/noExplicitAny: manifests of many kinds, whose shape the schemas have checked
export type Manifest = any;

/** Files that are no manifests: they speak to kustomize and to Helm. */
const OTHERS = ['kustomization.yaml', 'prometheus-adapter.yaml'];

export const read = (file: string) => readFile(`${ROOT}${file}`, 'utf8');

export async function readYamlFile(file: string): Promise<Manifest> {
  return parse(await read(file));
}

/** By file name: every manifest in a folder. @throws Error for broken YAML, a key given twice among it */
export async function manifestsIn(folder: string): Promise<Map<string, Manifest>> {
  const files = (await readdir(`${ROOT}${folder}`)).filter((file) => file.endsWith('.yaml') && !OTHERS.includes(file));
  const entries = files.sort().map(async (file) => {
    const documents = parseAllDocuments(await read(`${folder}/${file}`));
    if (documents.length !== 1) throw new Error(`${file}: one manifest a file, found ${documents.length}`);
    const [document] = documents as [(typeof documents)[number]];
    if (document.errors.length > 0) throw document.errors[0]!;
    return [file, document.toJS() as Manifest] as const;
  });
  return new Map(await Promise.all(entries));
}

/** Keys of these are anybody's to choose, or another program's. */
const FREE = ['labels', 'matchLabels', 'annotations', 'data', 'requests', 'limits'];
const isFree = (path: readonly string[]) =>
  FREE.includes(path.at(-1)!) ||
  /^triggers\.\d+\.metadata$/.test(path.slice(1).join('.')) ||
  path.join('.') === 'spec.selector';

/** The same manifest, once for each key that its kind names, with that key misspelt. */
export function misspelt(manifest: Manifest): { readonly key: string; readonly manifest: Manifest }[] {
  const all: { key: string; manifest: Manifest }[] = [];
  const visit = (value: Manifest, path: readonly string[]): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      visit(child, [...path, key]);
      if (Array.isArray(value) || isFree(path)) continue;
      const copy = structuredClone(manifest);
      const parent = path.reduce((at, step) => at[step], copy);
      parent[`${key}z`] = parent[key];
      delete parent[key];
      all.push({ key: [...path, key].join('.'), manifest: copy });
    }
  };
  visit(manifest, []);
  return all;
}
