/** Manifests of deploy/kubernetes that are made: policies/ as a ConfigMap, and the rules of grafana/ for the Prometheus operator. */

import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';

const ROOT = new URL('../', import.meta.url);
export const POLICIES_MANIFEST = fileURLToPath(new URL('deploy/kubernetes/policies.yaml', ROOT));

export const RULES_MANIFEST = fileURLToPath(new URL('deploy/kubernetes/rules.yaml', ROOT));

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
    '# Made of policies/ by `npm run docs`: change them there. An applied change is served within a minute or two, without a restart.\n';
  return comment + stringify(manifest, { lineWidth: 0 });
}

/** Recording rules and alerts as the Prometheus operator takes them, with their comments. */
export async function rulesManifest(): Promise<string> {
  const files = ['grafana/recording.yaml', 'grafana/alerts.yaml'];
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, ROOT), 'utf8')));
  const groups = texts.map((text) =>
    text.slice(text.indexOf('\n', text.indexOf('groups:')) + 1).replaceAll(/^(?=.)/gm, '  '),
  );
  return `# Made of ${files.join(' and ')} by \`npm run docs\`, for the Prometheus operator: change them there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: sluice
  labels: { app.kubernetes.io/name: sluice }
spec:
  groups:
${groups.join('')}`;
}
