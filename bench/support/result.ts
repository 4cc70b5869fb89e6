/** Where results are kept. */

import { mkdir, writeFile } from 'node:fs/promises';
import { ROOT } from './gateway.js';

/**
 * Writes bench/results/NAME-TIME.json.
 * @param date ISO 8601
 * @returns its path
 */
export async function keepResult(name: string, date: string, text: string): Promise<string> {
  const file = `${ROOT}bench/results/${name}-${date.slice(0, 19).replaceAll(':', '')}.json`;
  await mkdir(`${ROOT}bench/results`, { recursive: true });
  await writeFile(file, text);
  return file;
}
