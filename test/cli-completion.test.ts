import { describe, expect, test } from 'vitest';
import { complete, completionScript } from '../src/cli/completion.ts';

async function values(...words: string[]): Promise<string[]> {
  const lines = (await complete(words)).trimEnd().split('\n');
  expect(lines.at(-1)).toMatch(/^:\d+$/);
  return lines.slice(0, -1).map((line) => line.split('\t')[0] as string);
}

describe('completion', () => {
  test('of commands', async () => {
    expect(await values('')).toEqual(expect.arrayContaining(['rollback', 'plan', 'status', 'local']));
    expect(await values('re')).toEqual(['releases', 'resume']);
    expect(await values('local', '')).toEqual(['start', 'deploy', 'status', 'stop']);
    expect(await values('')).not.toContain('complete');
  });

  test('of options, without the hidden ones', async () => {
    expect(await values('--dry')).toEqual(['--dry-run']);
    expect(await values('rollback', '--st')).toEqual(['--strategy']);
    expect(await values('status', '--')).toEqual(['--service', '--config', '--output']);
  });

  test('of values', async () => {
    expect(await values('--strategy', '')).toEqual(['rolling', 'blue-green', 'instant', 'canary']);
    expect(await values('rollback', '--strategy', 'b')).toEqual(['blue-green']);
    expect(await values('--output', 'j')).toEqual(['json']);
    expect(await values('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  test('suggests nothing, and fails not, where there is no service to ask', async () => {
    expect(await values('--version', 'p')).toEqual(['previous']);
    expect(await values('show', '')).toEqual([]);
  });

  test.each(['bash', 'zsh', 'fish'])('a %s script defines it for both names', (shell) => {
    const text = completionScript(shell);
    expect(text).toContain('rollback-deploy-auto complete --');
    expect(text).toContain('rda complete --');
  });
});
