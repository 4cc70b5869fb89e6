#!/usr/bin/env node
/** The command line: one file a command. */

import { Command, CommanderError } from 'commander';
import { version } from '../version.js';
import { classifyCommand } from './classify.js';
import { evaluateCommand } from './evaluate.js';
import { report } from './fail.js';
import { importCommand } from './import.js';
import { inspectCommand } from './inspect.js';
import { keyCommand } from './key.js';
import { serveCommand } from './serve.js';
import { tuneCommand } from './tune.js';
import { validateCommand } from './validate.js';

const program = new Command('sluice')
  .description('Dynamic-network serving gateway: answers each image with as little network as that image needs.')
  .version(version)
  .configureHelp({ showGlobalOptions: true })
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'sluice: ')) })
  .showHelpAfterError('(--help shows what is allowed)')
  .exitOverride();

for (const add of [
  serveCommand,
  classifyCommand,
  evaluateCommand,
  inspectCommand,
  importCommand,
  tuneCommand,
  validateCommand,
  keyCommand,
])
  add(program);

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
