import { createInterface } from 'node:readline';
import type { Consent, ConsentQuestion } from '../commands/context.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import type { Plan } from '../model/plan.ts';
import { PROGRAM } from './usage.ts';

export interface ConsentRules {
  /** `--yes`. */
  yes: boolean;
  /** Whether the command line itself names what will happen: a typed `--version`, or `resume` and `abort`. */
  named: boolean;
  /** `--reason`. */
  reason: string | undefined;
  /** Whether somebody can be asked. */
  isTerminal: boolean;
  /** Asks, and returns the answer without its line end; undefined where there was none (Ctrl-C, Ctrl-D). */
  ask(question: string): Promise<string | undefined>;
  /** The arguments as typed, for the command that a refusal prints. */
  argv: string[];
}

/**
 * Consent to a plan. On a terminal it is asked for once, and then why, where no reason was given. Elsewhere a named
 * target is consent, but not to moves that may lose data.
 * @throws RollbackError `CONSENT_NEEDED` (exit 2) where nobody can be asked.
 */
export async function consent(question: ConsentQuestion, rules: ConsentRules): Promise<Consent> {
  const given: Consent = { given: true, reason: rules.reason };
  if (rules.yes) return given;
  if (!rules.isTerminal) {
    if (rules.named && question.mayLose.length === 0) return given;
    throw consentNeeded(question, rules);
  }
  const warnings = question.mayLose.map((sentence) => `May lose data: ${sentence}\n`).join('');
  const answer = await rules.ask(`${warnings}${questionText(question.plan)} [y/N] `);
  if (!/^y(es)?$/i.test(answer?.trim() ?? '')) return { given: false };
  if (rules.reason !== undefined) return given;
  const reason = await rules.ask('Why? (kept in the record; empty: not given) ');
  if (reason === undefined) return { given: false };
  return { given: true, reason: reason.trim() === '' ? undefined : reason.trim() };
}

/** `Roll back shop (local, 3 instances) v2.14.4 -> v2.14.3?` */
function questionText(plan: Plan): string {
  const noun = plan.instances === 1 ? plan.noun.one : plan.noun.many;
  const what = `${plan.service} (${plan.platform}, ${plan.instances} ${noun}) ${plan.from.version} -> ${plan.to.version}`;
  return plan.direction === 'back' ? `Roll back ${what}?` : `Return ${what}, where the run started?`;
}

/** Asks on stderr, so that stdout stays the result's. */
export function askOnTerminal(question: string): Promise<string | undefined> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
  return new Promise((resolve) => {
    prompt.on('SIGINT', () => prompt.close());
    prompt.on('close', () => resolve(undefined));
    prompt.question(question, (answer) => {
      resolve(answer);
      prompt.close();
    });
  });
}

function consentNeeded(question: ConsentQuestion, rules: ConsentRules): RollbackError {
  const { plan, mayLose } = question;
  const why =
    mayLose.length > 0
      ? `It may lose data: ${mayLose.join(' ')} Nobody can be asked here, so it needs --yes.`
      : 'Nobody can be asked here, and the command does not name the version to go back to.';
  const words = [PROGRAM, ...rules.argv];
  const named = rules.named || rules.argv.includes('--version') ? [] : ['--version', plan.to.version];
  const command = [...words, ...named, ...(mayLose.length > 0 ? ['--yes'] : [])].map(quoted).join(' ');
  return new RollbackError({
    code: 'CONSENT_NEEDED',
    summary: `Not confirmed: ${questionText(plan).replace(/\?$/, '')}`,
    detail: why,
    production: 'Production is unchanged.',
    fix: mayLose.length > 0 ? `Confirm it: ${command}` : `Name it: ${command} (or add --yes)`,
    exit: EXIT.usage,
  });
}

/** As a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
