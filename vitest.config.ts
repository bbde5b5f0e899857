import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The process tests run the built product, as users do.
    globalSetup: ['test/build-once.ts'],
    reporters: ['default', './test/closing-line.ts'],
    // Bounds for what hangs, not for what is slow: two cores are shared with a cluster and its load.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Two cores are shared with the servers and load that the tests start.
    maxWorkers: 2,
  },
});
