import type { ErrorRecord } from '../model/error.ts';
import type { Finding, FindingStatus } from '../model/finding.ts';
import type { FindingsOutput, StepStatus } from '../model/run-state.ts';

/** The words in brackets. */
export const STATUS_WORDS: Record<FindingStatus, string> = {
  ok: 'OK',
  warn: 'WARN',
  fail: 'FAIL',
  unknown: 'UNKNOWN',
  skipped: 'SKIPPED',
};

/** Headlines always; others only where there is something to say. */
export function shown(finding: Finding): boolean {
  return finding.headline || finding.status !== 'ok';
}

/** The findings of a step that is done; none where it is not, or where its output holds none. */
export function findingsOf(status: StepStatus | undefined): Finding[] {
  if (status?.state !== 'done') return [];
  return (status.output as Partial<FindingsOutput> | null)?.findings ?? [];
}

/** `  [OK] ...`, and below a line that is not OK its evidence, and what to do or who waived it. */
export function findingLines(finding: Finding): string[] {
  const line = `  [${STATUS_WORDS[finding.status]}] ${finding.title}`;
  if (finding.status === 'ok') return [line];
  const below = finding.evidence.flatMap(indented);
  if (finding.waived) return [line, ...below, ...indented(`waived: ${finding.waived.reason}`)];
  return [line, ...below, ...fixLines(finding.fix)];
}

/** A step that failed, as evidence below its line. */
export function errorLines(error: ErrorRecord): string[] {
  const detail = error.detail === undefined ? [] : indented(error.detail);
  return [...indented(`${error.summary} (${error.code})`), ...detail, ...fixLines(fixes(error))];
}

/** A proof that could not be made, as a check. */
export function failedProofLines(error: ErrorRecord): string[] {
  const detail = error.detail === undefined ? [] : indented(error.detail);
  return [`  [FAIL] ${error.summary}`, ...detail, ...fixLines(fixes(error))];
}

/** A validation that could not be made. */
export function failedConfirmationLines(error: ErrorRecord): string[] {
  const detail = error.detail === undefined ? [] : indented(error.detail);
  return [`  [UNKNOWN] ${error.summary}`, ...detail, ...fixLines(fixes(error))];
}

function fixLines(fix: string[]): string[] {
  return fix.flatMap((way, i) => indented(`${i === 0 ? 'Fix' : 'Or'}: ${way}`));
}

function fixes(error: ErrorRecord): string[] {
  return error.fix === undefined ? [] : [error.fix];
}

function indented(text: string): string[] {
  return text.split('\n').map((line) => `    ${line.trimEnd()}`);
}
