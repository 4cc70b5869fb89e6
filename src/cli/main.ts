#!/usr/bin/env -S node --max-semi-space-size=64
/** The command line: one file a command. */

import { Command, CommanderError } from 'commander';
import { version } from '../version.js';
import { report } from './fail.js';

/** Loaded when it is asked for: what import and tune need would take a third of the time in which serve starts. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  serve: async () => (await import('./serve.js')).serveCommand,
  classify: async () => (await import('./classify.js')).classifyCommand,
  evaluate: async () => (await import('./evaluate.js')).evaluateCommand,
  inspect: async () => (await import('./inspect.js')).inspectCommand,
  import: async () => (await import('./import.js')).importCommand,
  tune: async () => (await import('./tune.js')).tuneCommand,
  validate: async () => (await import('./validate.js')).validateCommand,
  key: async () => (await import('./key.js')).keyCommand,
};

const program = new Command('sluice')
  .description('Dynamic-network serving gateway: answers each image with as little network as that image needs.')
  .version(version)
  .configureHelp({ showGlobalOptions: true })
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'sluice: ')) })
  .showHelpAfterError('(--help shows what is allowed)')
  .exitOverride();

const named = process.argv.slice(2).find((argument) => Object.hasOwn(COMMANDS, argument));
// Help and the refusal of a command that does not exist list all.
for (const load of named === undefined ? Object.values(COMMANDS) : [COMMANDS[named]!]) (await load())(program);

// Whoever reads has read enough, `head` for one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  // commander has already printed its sentence; help and version are no failures.
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : report(error);
}
