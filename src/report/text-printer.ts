import type { JournalEntry } from '../model/journal.ts';
import type { RunState } from '../model/run-state.ts';
import { applyEntry, runState } from '../model/run-state.ts';
import type { TextLine } from './text-lines.ts';
import { textLines } from './text-lines.ts';

/** Follows a run's entries and hands out each line of its text once, in order, as soon as it is settled. */
export interface TextPrinter {
  /** The run so far; undefined before its first plan. */
  readonly state: RunState | undefined;
  /** @returns the lines that became printable. */
  apply(entry: JournalEntry): string[];
  /** What is not printed yet, settled or not. */
  open(): TextLine[];
  /** @returns the rest, as the run stands now; nothing is handed out after it. */
  finish(): string[];
}

/** The first entry that counts is a plan: whoever goes on with a run tells its entries from the beginning. */
export function createTextPrinter(): TextPrinter {
  let state: RunState | undefined;
  let printed = 0;
  return {
    get state() {
      return state;
    },
    apply(entry) {
      if (state) applyEntry(state, entry);
      else if (entry.type === 'planned') state = runState([entry]);
      else return [];
      const lines = textLines(state);
      const from = printed;
      while (lines[printed]?.settled) printed++;
      return lines.slice(from, printed).map(({ text }) => text);
    },
    open() {
      return state ? textLines(state).slice(printed) : [];
    },
    finish() {
      if (!state) return [];
      const rest = textLines(state, { final: true }).slice(printed);
      printed += rest.length;
      return rest.map(({ text }) => text);
    },
  };
}
