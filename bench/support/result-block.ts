/** Results in a document stand between two marks, and only the command that measured them writes there. */

import { readFile, writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { ROOT } from './gateway.js';

const marksOf = (name: string) =>
  [`<!-- result ${name}: written by its benchmark with --docs -->`, `<!-- end of ${name} -->`] as const;

/** The page with that result in place of the one before. @throws Error when the marks are not there */
export function withResult(page: string, file: string, name: string, result: string): string {
  const [begin, end] = marksOf(name);
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} must hold "${begin}" and "${end}"`);
  return `${page.slice(0, from + begin.length)}\n\n${result.trim()}\n\n${page.slice(to)}`;
}

/** @param results by the name of their marks; @param file from the root of the repository */
export async function writeResults(file: string, results: Readonly<Record<string, string>>): Promise<void> {
  const path = `${ROOT}${file}`;
  let page = await readFile(path, 'utf8');
  for (const [name, result] of Object.entries(results)) page = withResult(page, file, name, result);
  await writeFile(path, page);
}

/** Whose values are paths of the machine that it ran on: a reader has others. */
const PATHS: Readonly<Record<string, string>> = { '--data': 'FOLDER', '--from': 'RESULT' };
/** They say what becomes of the result, not what was measured. */
const LEFT_OUT = ['--docs', '--json', '--svg'];

/** The command as a reader would give it. */
export function commandOf(bench: string, args: readonly string[]): string {
  const shown: string[] = [];
  // `--name=value` is two words.
  const words = args.flatMap((arg) =>
    /^--[a-z-]+=/.test(arg) ? [arg.slice(0, arg.indexOf('=')), arg.slice(arg.indexOf('=') + 1)] : [arg],
  );
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === '--svg') at++;
    if (LEFT_OUT.includes(word)) continue;
    shown.push(word);
    const path = PATHS[word];
    if (path === undefined) continue;
    shown.push(path);
    at++;
  }
  return ['npm run bench --', bench, ...shown].join(' ');
}

/** Lines that show pictures in a page of docs/; none where they lie elsewhere. @param folder undefined: none were drawn */
export function shownPictures(folder: string | undefined, pictures: Readonly<Record<string, string>>): string {
  if (folder === undefined) return '';
  const from = relative(`${ROOT}docs`, resolve(folder));
  if (from.startsWith('..')) return '';
  return Object.entries(pictures)
    .map(([file, alt]) => `\n\n![${alt}](${from === '' ? file : `${from}/${file}`})`)
    .join('');
}

interface Where {
  readonly date: string;
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memory_gib: number;
  readonly load_before: number;
  readonly node: string;
  readonly onnxruntime: string;
}

/** One line above a result: where and when, and with what command. */
export function caption(where: Where, command: string): string {
  const { date, commit, cpu, cores, memory_gib, load_before, node, onnxruntime } = where;
  const machine = `${cores} cores (${cpu}), ${memory_gib} GiB, load average before ${load_before.toFixed(2)}`;
  return `\`${command}\`, ${date.slice(0, 10)}, commit ${commit}, ${machine}, Node ${node}, ONNX Runtime ${onnxruntime}:`;
}
