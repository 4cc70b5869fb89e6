/** Puts a run into docs/performance.md, between its marks. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROOF, withPart } from '../../docs/marks.js';
import { ROOT } from './gateway.js';

/** In docs/. */
export const PAGE = 'performance.md';
export const CHART = 'images/performance.svg';

/** @param text Markdown @param chart SVG */
export async function writeDocs(text: string, chart: string): Promise<void> {
  const page = join(ROOT, 'docs', PAGE);
  const part = `![Images a second of all contestants, and latency of Sluice by load](${CHART})\n\n${text}`;
  const made = withPart(await readFile(page, 'utf8'), `docs/${PAGE}`, PROOF, part);
  await writeFile(join(ROOT, 'docs', CHART), chart);
  await writeFile(page, made);
}
