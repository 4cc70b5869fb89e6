/**
 * Process: outlives the benchmark by a moment, however that ends, and kills what it has started. It is told by the end of its channel.
 */

import { killAll } from './processes.js';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => {
  killAll(process.argv[2]!);
  process.exit(0);
});
