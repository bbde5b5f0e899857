import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends the output with `N passed, N failed, N skipped`, and names loudly what was skipped. On CI a skip fails the run:
 * there everything that a test needs is installed, so that a skipped test is a test that is not run anywhere.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandled.length;
    const skipped: string[] = [];
    for (const module of modules) {
      const failedBefore = failed;
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        if (state === 'passed') passed++;
        else if (state === 'failed') failed++;
        else skipped.push(`${module.moduleId.split('/test/')[1]} > ${test.fullName}`);
      }
      // A file that doesn't load, or a hook that fails, leaves no failed test behind.
      if (module.state() === 'failed' && failed === failedBefore) failed++;
    }
    for (const name of skipped) console.log(`SKIPPED: ${name}`);
    if (process.env.CI && skipped.length > 0) {
      console.log('On CI a skipped test fails the run.');
      process.exitCode = 1;
    }
    console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
  }
}
