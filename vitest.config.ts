import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Gateways start real lanes, each busy on its own: more files at a time than two would only wait for each other.
    maxWorkers: 2,
    // No file leaves anything behind in its process, and loading the gateway's modules anew for each takes a fifth of the time.
    isolate: false,
    setupFiles: ['test/support/check-answers.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', './test/support/plain-summary.ts'],
  },
});
