import type { Finding } from '../model/finding.ts';
import type { Plan, PlannedStep, ProgressLine } from '../model/plan.ts';
import type { RunState, StepStatus } from '../model/run-state.ts';
import { closingLines } from './closing-lines.ts';
import {
  errorLines,
  failedConfirmationLines,
  failedProofLines,
  findingLines,
  findingsOf,
  shown,
} from './finding-lines.ts';
import { plain, stopped } from './format.ts';

/** One line of a run's text. */
export interface TextLine {
  text: string;
  /** True once the line is true and cannot change any more; then it may be printed, if all before it are. */
  settled: boolean;
  /** Ids of the steps of the plan in force that it waits for; empty where it waits for none. */
  steps: string[];
}

export interface TextOptions {
  /**
   * As the text ends if nothing more is told: without what is still to come, what has begun as not finished, and how to
   * go on. Default false: a run that stopped may yet be resumed.
   */
  final?: boolean;
}

type Made = RunState['plans'][number];

/**
 * The whole text of a run, in order. As entries are added, settled lines stay as and where they are, so that printing
 * the settled prefix as it grows prints every line once and in order. What a stop left open is not settled: a resumed
 * run goes on from it.
 */
export function textLines(state: RunState, options: TextOptions = {}): TextLine[] {
  const lines = headerLines(state.asked);
  const told = new Set<string>();
  state.plans.forEach((made, index) => {
    const over = index < state.plans.length - 1 || state.end !== undefined;
    const final = over || options.final === true;
    lines.push(...planSections(made, { index, over, final, told }));
  });
  const ended = state.end !== undefined;
  const closing = ended || options.final ? closingLines(state) : [];
  if (closing.length > 0) lines.push(...['', ...closing].map((text) => line(text, ended)));
  return lines.map((each) => ({ ...each, text: plain(each.text) }));
}

/** Target, current version, strategy, and an empty line. */
export function headerLines(plan: Plan): TextLine[] {
  const header = [
    `Rollback Target: ${plan.to.version}`,
    `Current Version: ${plan.from.version}`,
    `Strategy: ${plan.strategy}`,
    '',
  ];
  return header.map((text) => line(text, true));
}

/** `Pre-rollback checks:` with what the plan found. */
export function checkLines(plan: Plan): TextLine[] {
  const found = plan.findings.filter(shown).flatMap(findingLines);
  return ['Pre-rollback checks:', ...found].map((text) => line(text, true));
}

function line(text: string, settled: boolean, steps: string[] = []): TextLine {
  return { text, settled, steps };
}

interface SectionOptions {
  index: number;
  over: boolean;
  final: boolean;
  /** Checks printed already, by status and title: a plan made anew repeats them. */
  told: Set<string>;
}

function planSections(made: Made, options: SectionOptions): TextLine[] {
  const { index } = options;
  const { plan, why } = made;
  const moves = plan.lines.flatMap((_, i) => progress(made, i, options));
  const validation = plan.steps
    .filter((step) => step.phase === 'confirm')
    .flatMap((step) => judged(made, step, options, failedConfirmationLines));
  const validated = section('Post-rollback validation:', validation);
  if (index === 0) {
    const checks = [...checkLines(plan), ...proofs(made, options)];
    for (const finding of plan.findings) options.told.add(key(finding));
    return [...checks, ...section('Executing rollback:', moves, executing(made)), ...validated];
  }
  // Why another plan was made is worth its line even where none of its own follows.
  const goingOn =
    plan.direction === 'return' ? `Going back to ${plan.to.version}` : 'Going on from what runs now';
  const heading = ['', `${goingOn}: ${stopped(why)}`].map((text) => line(text, true));
  const found = plan.findings
    .filter((finding) => shown(finding) && tellOnce(finding, options))
    .flatMap(findingLines)
    .map((text) => line(text, true));
  return [...heading, ...found, ...proofs(made, options), ...moves, ...validated];
}

/** True once a step of one of its lines has begun: that line stays, whatever becomes of it. */
function executing({ plan, steps }: Made): boolean {
  return plan.lines.some((line) => line.steps.some((id) => (steps.get(id) ?? WAITING).state !== 'waiting'));
}

/** An empty line and the heading are true as soon as one line of the section is. */
function section(heading: string, body: TextLine[], begun = body.some((each) => each.settled)): TextLine[] {
  if (body.length === 0) return [];
  return [line('', begun), line(heading, begun), ...body];
}

function progress(made: Made, index: number, { over, final }: SectionOptions): TextLine[] {
  const { lines } = made.plan;
  const { label, doneWord, steps } = lines[index] as ProgressLine;
  const text = `  [${index + 1}/${lines.length}] ${label}`;
  const statuses = steps.map((id) => made.steps.get(id) ?? WAITING);
  if (statuses.every(({ state }) => state === 'done')) return [line(`${text}...${doneWord}`, true, steps)];
  if (!final) return [line(`${text}...`, false, steps)];
  const failure = statuses.find((status) => status.state === 'failed');
  if (failure) {
    return [`${text}...failed`, ...errorLines(failure.error)].map((each) => line(each, over, steps));
  }
  const begun = statuses.some(({ state }) => state !== 'waiting');
  return begun ? [line(`${text}...not finished`, over, steps)] : [];
}

function proofs(made: Made, options: SectionOptions): TextLine[] {
  const steps = made.plan.steps.filter((step) => step.phase === 'prove');
  return steps.flatMap((step) => judged(made, step, options, failedProofLines, true));
}

/** A step whose output is findings: those, or what became of it. */
function judged(
  made: Made,
  step: PlannedStep,
  options: SectionOptions,
  failed: typeof failedProofLines,
  once = false,
): TextLine[] {
  const status = made.steps.get(step.id) ?? WAITING;
  if (status.state === 'done') {
    return findingsOf(status)
      .filter((finding) => shown(finding) && (!once || tellOnce(finding, options)))
      .flatMap(findingLines)
      .map((text) => line(text, true, [step.id]));
  }
  const open = (text: string) => line(text, options.over, [step.id]);
  if (!options.final) return [line(`  ${words(step.kind)}...`, false, [step.id])];
  if (status.state === 'failed') return failed(status.error).map(open);
  return status.state === 'started' ? [open(`  ${words(step.kind)}...not finished`)] : [];
}

function tellOnce(finding: Finding, { told }: SectionOptions): boolean {
  if (told.has(key(finding))) return false;
  told.add(key(finding));
  return true;
}

function key(finding: Finding): string {
  return `${finding.status} ${finding.title}`;
}

/** `back-up-database` as `Back up database`. */
export function words(kind: string): string {
  const spaced = kind.replaceAll('-', ' ');
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

const WAITING: StepStatus = { state: 'waiting' };
