/** The built command, run as a person runs it, with pipes where a terminal would be. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'vitest';
import { ROOT } from './gateway.js';

export interface Run {
  /** Exit code, or the signal that ended it. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The reader of stdout leaves before anything is written. */
  readonly unread?: boolean;
}

/** Runs `sluice ARGS`; SLUICE_* variables of whoever runs the tests are kept out. */
export async function sluice(args: readonly string[], { env = {}, unread = false }: RunOptions = {}): Promise<Run> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_'));
  const child = spawn(process.execPath, [`${ROOT}dist/cli/main.js`, ...args], {
    env: { ...Object.fromEntries(own), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  if (unread) child.stdout.destroy();
  else child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code: code ?? signal!, ...said };
}

export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** What a run that did all it should has printed. */
export function printed({ code, stdout, stderr }: Run): string {
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** The one sentence of a run that refused; 1: failed, 2: wrong use. */
export function refusal({ code, stdout, stderr }: Run, expected: 1 | 2): string {
  expect({ code, stdout }, stderr).toEqual({ code: expected, stdout: '' });
  const [sentence, ...more] = linesOf(stderr);
  expect(sentence).toMatch(/^sluice: ./);
  // Commander's mistakes get a hint; nothing else follows, no stack trace least of all.
  expect(more.filter((line) => !/^\((--help|Did you mean) .*\)$/.test(line))).toEqual([]);
  return sentence!;
}
