import { createProgressLines } from './progress-lines.ts';
import type { Reporter, ReporterParts } from './reporter.ts';
import { colourStatus } from './status-colours.ts';
import { createTextPrinter } from './text-printer.ts';

/** Where there is no live view: the text on stdout, each line when it is true; what happens meanwhile on stderr. */
export function createTextStream({ stdout, stderr, clock }: ReporterParts): Reporter {
  const printer = createTextPrinter();
  const progress = createProgressLines(() => clock.now());
  const paint = colourStatus(stdout);
  const print = (lines: string[]) => {
    for (const text of lines) stdout.write(`${paint(text)}\n`);
  };
  return {
    emit(event) {
      for (const text of progress(event)) stderr.write(`${text}\n`);
      if (event.type === 'entry') print(printer.apply(event.entry));
    },
    finish() {
      print(printer.finish());
    },
  };
}
