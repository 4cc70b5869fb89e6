/** The report of a tuning, in a folder: report.md with the figures, and charts as SVG. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../../errors.js';
import type { TuneRecord } from '../record.js';
import type { Solution } from '../solve.js';
import { frontierChart, reliabilityChart, svgOf } from './charts.js';
import { contentOf } from './content.js';
import { markdown } from './markdown.js';

/** @throws ConfigError where the folder cannot be written */
export async function writeReport(
  folder: string,
  seen: TuneRecord,
  heldOut: TuneRecord | undefined,
  solution: Solution,
): Promise<void> {
  const content = contentOf(seen, heldOut, solution);
  const charts = seen.rungs.map(({ id }) => ({ id, file: `reliability-${id.replaceAll(/[^a-z0-9.]+/gi, '-')}.svg` }));
  const files: [string, string][] = [
    ['frontier.svg', await svgOf(frontierChart(content))],
    ...(await Promise.all(
      charts.map(async ({ id, file }): Promise<[string, string]> => {
        const spec = reliabilityChart(
          id,
          content.exits.filter(({ rung }) => rung === id),
          seen.labelled,
        );
        return [file, await svgOf(spec)];
      }),
    )),
    ['report.md', markdown(content, charts)],
  ];
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, text] of files) await writeFile(join(folder, name), text);
  } catch (error) {
    throw new ConfigError(folder, '', `the report cannot be written: ${(error as NodeJS.ErrnoException).code}`);
  }
}
