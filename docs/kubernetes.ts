/** The ConfigMap of deploy/kubernetes that holds policies/: made from them, so that a cluster starts with what the image holds. */

import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';

const ROOT = new URL('../', import.meta.url);
export const POLICIES_MANIFEST = fileURLToPath(new URL('deploy/kubernetes/policies.yaml', ROOT));

export async function policiesManifest(): Promise<string> {
  const files = (await readdir(new URL('policies/', ROOT))).filter((file) => file.endsWith('.yaml')).sort();
  const texts = files.map(async (file) => [file, await readFile(new URL(`policies/${file}`, ROOT), 'utf8')] as const);
  const manifest = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'sluice-policies' },
    data: Object.fromEntries(await Promise.all(texts)),
  };
  const comment =
    '# Made of policies/ by `npm run docs`. A change in the cluster is served within a minute or two, without a restart.\n';
  return comment + stringify(manifest, { lineWidth: 0 });
}
