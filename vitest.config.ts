import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Gateways start real lanes: one file at a time keeps two cores honest, and each test has time for a cold start.
    fileParallelism: false,
    setupFiles: ['test/support/check-answers.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', './test/support/plain-summary.ts'],
  },
});
