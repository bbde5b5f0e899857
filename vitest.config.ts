import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The process tests run the built product, as users do.
    globalSetup: ['test/build-once.ts'],
    reporters: ['default', './test/closing-line.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores are shared with the servers and load that the tests start.
    maxWorkers: 2,
  },
});
