import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { complete } from '../src/cli/completion.ts';
import { completionScript } from '../src/cli/completion-script.ts';

async function values(...words: string[]): Promise<string[]> {
  const lines = (await complete(words)).trimEnd().split('\n');
  expect(lines.at(-1)).toMatch(/^:\d+$/);
  return lines.slice(0, -1).map((line) => line.split('\t')[0] as string);
}

describe('completion', () => {
  test('of commands', async () => {
    expect(await values('')).toEqual(expect.arrayContaining(['rollback', 'plan', 'status', 'local']));
    expect(await values('re')).toEqual(['releases', 'restore', 'resume']);
    expect(await values('local', '')).toEqual(['start', 'deploy', 'status', 'stop']);
    expect(await values('')).not.toContain('complete');
  });

  test('of options, without the hidden ones', async () => {
    expect(await values('--dry')).toEqual(['--dry-run']);
    expect(await values('rollback', '--st')).toEqual(['--strategy']);
    expect(await values('local', 'status', '--')).toEqual(['--service', '--config', '--output']);
    expect(await values('migrations', '--')).toEqual([
      '--engine',
      '--format',
      '--from',
      '--to',
      '--database',
      '--queries',
      '--write-reversal',
      '--output',
    ]);
    expect(await values('status', '--')).toEqual([
      '--namespace',
      '--context',
      '--kubeconfig',
      '--service',
      '--config',
      '--output',
    ]);
  });

  test('of values', async () => {
    expect(await values('--strategy', '')).toEqual(['rolling', 'blue-green', 'instant', 'canary']);
    expect(await values('rollback', '--strategy', 'b')).toEqual(['blue-green']);
    expect(await values('--output', 'j')).toEqual(['json']);
    expect(await values('completion', '')).toEqual(['bash', 'zsh', 'fish']);
    expect(await values('--accept', 'down')).toEqual(['downtime']);
    expect(await values('migrations', '--engine', '')).toEqual(['postgresql', 'mysql', 'sqlite']);
    expect(await values('migrations', '--format', 'go')).toEqual(['golang-migrate', 'goose']);
  });

  test('of kinds of workloads, without a cluster', async () => {
    const kinds = ['deployment/', 'statefulset/', 'daemonset/', 'rollout/'];
    expect(await values('status', '')).toEqual(kinds);
    expect(await values('rollback', 'd')).toEqual(['deployment/', 'daemonset/']);
  });

  test('suggests nothing, and fails not, where there is no service to ask', async () => {
    expect(await values('--version', 'p')).toEqual(['previous']);
    expect(await values('show', 'r-')).toEqual([]);
  });
});

describe('the script for bash', () => {
  /** Presses Tab in a real bash after `line`, with a program of that name that answers by `complete`. */
  async function tab(line: string): Promise<string[]> {
    const answer = await complete(line.split(' ').slice(1));
    const script = `
      ${completionScript('bash')}
      ${completionScript('bash')}
      rda() { [[ "$1 $2" == "complete --" ]] && printf %s "$ANSWER"; }
      COMP_LINE="$LINE"; COMP_POINT=\${#COMP_LINE}
      IFS=' ' read -ra COMP_WORDS <<< "$COMP_LINE"
      [[ "$COMP_LINE" == *' ' ]] && COMP_WORDS+=('')
      COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
      _rollback_deploy_auto rda
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await promisify(execFile)('bash', ['--norc', '-eu', '-c', script], {
      env: { ...process.env, LINE: line, ANSWER: answer },
    });
    return stdout.split('\n').filter((value) => value !== '');
  }

  test('offers the values, without descriptions and directives', async () => {
    expect(await tab('rda --strategy ')).toEqual(['rolling', 'blue-green', 'instant', 'canary']);
    expect(await tab('rda --strategy=b')).toEqual(['blue-green']);
    expect(await tab('rda local st')).toEqual(['start', 'status', 'stop']);
  });

  test('never runs what is on the line', async () => {
    expect(await tab('rda $(kill -9 $$) --output j')).toEqual(['json']);
  });
});

test.each(['bash', 'zsh', 'fish'])('the script for %s serves both names', (shell) => {
  expect(completionScript(shell)).toMatch(/rollback-deploy-auto.*rda/s);
});
