import { createLogUpdate } from 'log-update';
import type { RunEvent, TrafficShare } from '../model/event.ts';
import { plain } from './format.ts';
import { liveArea } from './live-area.ts';
import { createLiveSteps } from './live-steps.ts';
import { targetLine } from './progress-lines.ts';
import type { Reporter, ReporterParts } from './reporter.ts';
import { colourStatus, coloursFor } from './status-colours.ts';
import { createTextPrinter } from './text-printer.ts';

/**
 * On a terminal: the text grows on stdout, and below it, on stderr, an area shows what goes on. The area is taken away
 * before each line of text and at the end, so that exactly the text remains.
 */
export function createLiveView({ stdout, stderr, clock }: ReporterParts): Reporter {
  const printer = createTextPrinter();
  const steps = createLiveSteps(() => clock.monotonic());
  const area = createLogUpdate(stderr as NodeJS.WritableStream);
  const paint = colourStatus(stdout);
  const colours = coloursFor(stderr);
  const marks = marksFor(process.env);
  let begunAt: number | undefined;
  let traffic: TrafficShare | undefined;
  let timer: NodeJS.Timeout | undefined;

  function draw(): void {
    const { state } = printer;
    if (!state || begunAt === undefined || state.end || state.stopped) return;
    const elapsedMs = clock.monotonic() - begunAt;
    const spinner = marks.frames[Math.floor(clock.monotonic() / FRAME_MS) % marks.frames.length] as string;
    const lines = liveArea({
      state,
      open: printer.open(),
      steps,
      traffic,
      elapsedMs,
      spinner,
      tick: marks.tick,
    });
    const painted = lines.map((line) =>
      line.startsWith(spinner) || line.startsWith(marks.tick)
        ? colours.cyan(line.slice(0, 1)) + line.slice(1)
        : colours.dim(line),
    );
    area(painted.join('\n'));
  }

  function print(lines: string[]): void {
    if (lines.length === 0) return;
    area.clear();
    stdout.write(lines.map((text) => `${paint(text)}\n`).join(''));
  }

  function entry(event: Extract<RunEvent, { type: 'entry' }>): void {
    print(printer.apply(event.entry));
    const { state } = printer;
    if (!state) return;
    if (state.end || state.stopped) {
      area.clear();
      return;
    }
    begunAt ??= clock.monotonic();
    // Unref'd: a drawing must not keep the process alive.
    timer ??= setInterval(draw, FRAME_MS).unref();
  }

  return {
    emit(event) {
      steps.apply(event);
      if (event.type === 'entry') entry(event);
      if (event.type === 'traffic') traffic = event.traffic;
      if (event.type === 'target' || event.type === 'notice') {
        area.clear();
        stderr.write(`${event.type === 'target' ? targetLine(event) : plain(event.message)}\n`);
      }
      draw();
    },
    finish() {
      clearInterval(timer);
      area.clear();
      print(printer.finish());
      // Also shows the cursor again.
      area.done();
    },
  };
}

const FRAME_MS = 100;

interface Marks {
  frames: string[];
  tick: string;
}

/** Braille and a tick where the terminal's character set has them. */
function marksFor({ LC_ALL, LC_CTYPE, LANG }: NodeJS.ProcessEnv): Marks {
  const utf8 = /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '');
  return utf8 ? { frames: [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'], tick: '✓' } : { frames: ['|', '/', '-', '\\'], tick: '+' };
}
