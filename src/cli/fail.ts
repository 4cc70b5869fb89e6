/** How a command ends: 0, 1 (failed) or 2 (wrong use), with one clear line on stderr. */

import { ConfigError, RequestError, StartError } from '../errors.js';

/** What the person typed is wrong: exit code 2. */
export class UsageError extends Error {}

/** Of a cascade or policy that was named on the command line. */
const isUnknownName = (error: unknown) =>
  error instanceof RequestError && ['unknown_cascade', 'unknown_policy'].includes(error.code);

export function report(error: unknown): number {
  if (error instanceof UsageError || isUnknownName(error)) {
    process.stderr.write(`sluice: ${(error as Error).message}\n`);
    return 2;
  }
  if (
    error instanceof ConfigError ||
    error instanceof StartError ||
    (error as NodeJS.ErrnoException).code !== undefined
  ) {
    process.stderr.write(`sluice: ${(error as Error).message}\n`);
    return 1;
  }
  process.stderr.write(`sluice: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}

/** One line of a report that a person reads; `--json` prints the object instead. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Progress, only where somebody watches. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
