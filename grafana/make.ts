/** npm run dashboards: writes grafana/dashboards/*.json, which Grafana loads. */

import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { compute } from './compute.js';
import { quality } from './quality.js';
import { traffic } from './traffic.js';

/** By the name of the file. */
export const DASHBOARDS: Readonly<Record<string, Dashboard>> = { traffic, compute, quality };

export function dashboardFile(name: string): string {
  return fileURLToPath(new URL(`dashboards/${name}.json`, import.meta.url));
}

export function dashboardText(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, dashboard] of Object.entries(DASHBOARDS))
    await writeFile(dashboardFile(name), dashboardText(dashboard));
}
