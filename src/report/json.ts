import { createProgressLines } from './progress-lines.ts';
import type { Reporter, ReporterParts } from './reporter.ts';

/** `--output json`: one document on stdout at the end; meanwhile lines on stderr, as text. */
export function createJsonReporter({ stdout, stderr, clock }: ReporterParts): Reporter {
  const progress = createProgressLines(() => clock.now());
  return {
    emit(event) {
      for (const text of progress(event)) stderr.write(`${text}\n`);
    },
    finish(document) {
      if (document !== undefined) stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    },
  };
}
