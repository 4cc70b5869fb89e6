/**
 * Preloaded into the gateway process (`node --import`): tells the benchmark, whenever it asks, the event-loop delay since it asked
 * last. prom-client's own gauge samples every 10 ms and counts that interval as delay; here the interval is 1 ms and taken off.
 */

import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 1;

// The lanes inherit the flags of the gateway, and so this file: only the gateway itself is watched.
if (process.send !== undefined && process.argv[1]?.endsWith('cli/main.js')) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const ms = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  process.on('message', (message) => {
    if (message !== 'loop-delay') return;
    process.send({ p50: ms(delay.percentile(50)), p99: ms(delay.percentile(99)), max: ms(delay.max) });
    delay.reset();
  });
  process.channel.unref();
  // The benchmark was killed.
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
}
