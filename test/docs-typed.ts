import { spawn } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';
import type { Page } from './docs-pages.ts';

export const CLI = resolve('dist/cli.js');

export interface NotRun {
  page: string;
  /** The line, or its beginning. */
  line: string;
  why: string;
  /** What runs it all the same. */
  by: string;
}

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs lines one after another in bash, as in one session: the folder stays as the line before left it. */
export interface Shell {
  run(line: string): Promise<Ran>;
  /** Ends what lines left running in the background. */
  end(): Promise<void>;
}

export async function createShell(folder: string): Promise<Shell> {
  const bin = join(folder, '.bin');
  await mkdir(bin, { recursive: true });
  for (const name of ['rollback-deploy-auto', 'rda']) {
    await writeFile(join(bin, name), `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`);
    await chmod(join(bin, name), 0o755);
  }
  const at = join(bin, 'folder');
  await writeFile(at, folder);
  const groups: number[] = [];
  return {
    async run(line) {
      const script = `cd "$(cat '${at}')" || exit 99\n${line}\ncode=$?\npwd > '${at}'\nexit $code\n`;
      const env = { ...process.env, NO_COLOR: '1', PATH: `${bin}:${process.env.PATH}` };
      const child = spawn('bash', ['-c', script], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
      if (child.pid && /&\s*$/.test(line)) groups.push(child.pid);
      return outputOf(child);
    },
    async end() {
      for (const group of groups.splice(0)) {
        try {
          process.kill(-group, 'SIGKILL');
        } catch {
          // It ended by itself.
        }
      }
    },
  };
}

export interface TypedLine {
  line: number;
  text: string;
  exits: number;
  /** What has to be so before it; only at the first line of a block. */
  before?: { what: string | undefined };
}

/** Lines of a page's `sh` blocks that are run: all but those in `notRun`. */
export function linesOf({ path, fences }: Page, notRun: NotRun[] = []): TypedLine[] {
  return fences
    .filter(({ language }) => language === 'sh')
    .flatMap((fence) => {
      const lines = fence.text
        .split('\n')
        .map((text, i) => ({ text: text.trim(), line: fence.line + i }))
        .filter(({ text }) => text !== '' && !text.startsWith('#'))
        .filter(
          ({ text }) => !notRun.some((one) => one.page === path && withoutPrefix(text).startsWith(one.line)),
        );
      return lines.map(({ text, line }, i): TypedLine => {
        const exits = Number(/# exits (\d)$/.exec(text)?.[1] ?? 0);
        return { line, text, exits, ...(i === 0 ? { before: { what: fence.before } } : {}) };
      });
    });
}

export interface Stage {
  prepare(what: string | undefined): Promise<void>;
  typed(line: string): Promise<string>;
  after?(line: string, ran: Ran): Promise<void>;
}

export async function runPage(page: Page, shell: Shell, stage: Stage, notRun: NotRun[] = []): Promise<void> {
  for (const { line, text, exits, before } of linesOf(page, notRun)) {
    if (before) await stage.prepare(before.what);
    const ran = await shell.run(await stage.typed(text));
    expect(ran.code, `${page.path}:${line}: ${text}\n${ran.stdout}\n${ran.stderr}`).toBe(exits);
    await stage.after?.(text, ran);
  }
}

/** Without `source <(`, so that a line is known by the command in it. */
export function withoutPrefix(line: string): string {
  return line.trim().replace(/^source <\(/, '');
}

export function outputOf(child: ReturnType<typeof spawn>): Promise<Ran> {
  return new Promise((done, reject) => {
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    // Not `close`: what is left running may hold the output open.
    child.on('exit', (code) => setImmediate(() => done({ code, stdout, stderr })));
  });
}
