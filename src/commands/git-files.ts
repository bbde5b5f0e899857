import { spawn } from 'node:child_process';
import type { MigrationFile } from '../adapters/migrations/migrations.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import { isRead, textOf } from './migration-files.ts';

/**
 * The files of folders, and files, as they are at a git ref, with paths from `cwd`; none of what it does not have. Changes
 * nothing.
 * @throws RollbackError `GIT_UNUSABLE`, `REF_UNKNOWN` (exit 2), `FILE_NOT_TEXT`
 */
export async function readAtRef(cwd: string, ref: string, ...paths: string[]): Promise<MigrationFile[]> {
  const commit = await commitOf(cwd, ref);
  // git would take none for all.
  if (paths.length === 0) return [];
  const wanted = paths.map((path) => (path === '' ? '.' : path));
  const listed = await git(cwd, ['ls-tree', '-r', '-z', commit, '--', ...wanted]);
  const blobs = listed
    .toString('utf8')
    .split('\0')
    .flatMap((line) => {
      const [, hash, path] = /^100\d{3} blob ([0-9a-f]+)\t([\s\S]+)$/.exec(line) ?? [];
      return hash !== undefined && path !== undefined && isRead(path) ? [{ hash, path }] : [];
    });
  if (blobs.length === 0) return [];
  const contents = await git(cwd, ['cat-file', '--batch'], blobs.map(({ hash }) => `${hash}\n`).join(''));
  let at = 0;
  return blobs.map(({ path }) => {
    const header = contents.indexOf('\n', at);
    const size = Number(contents.toString('latin1', at, header).split(' ')[2]);
    const bytes = contents.subarray(header + 1, header + 1 + size);
    at = header + 1 + size + 1;
    return { path, content: textOf(`${ref}:${path}`, bytes) };
  });
}

async function commitOf(cwd: string, ref: string): Promise<string> {
  try {
    const found = await git(cwd, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`]);
    return found.toString('utf8').trim();
  } catch (error) {
    if (error instanceof RollbackError) throw error;
    throw new RollbackError({
      code: 'REF_UNKNOWN',
      summary: `git knows no ${ref} here`,
      detail: 'It must be a tag, branch or commit that this clone has.',
      fix: `See what there is: git tag, or fetch it: git fetch origin tag ${ref}`,
      exit: EXIT.usage,
      cause: error,
    });
  }
}

class GitFailed extends Error {}

/** Runs git without a shell. @throws RollbackError `GIT_UNUSABLE`; `GitFailed` where git says no */
async function git(cwd: string, args: string[], input = ''): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
    });
    child.on('error', (error) => reject(unusable('git could not be started.', error)));
    child.on('close', (code) => {
      if (code === 0) return resolve(Buffer.concat(out));
      if (/not a git repository|dubious ownership/i.test(said)) return reject(unusable(`${said.trim()}.`));
      reject(new GitFailed(said.trim() || `git ${args[0]} exited with ${code}.`));
    });
    // A git that ends before it has read all says so by its exit code.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

function unusable(detail: string, cause?: unknown): RollbackError {
  return new RollbackError({
    code: 'GIT_UNUSABLE',
    summary: "Files of an older version can't be read: git does not work here",
    detail,
    fix: 'Install git, and run it in a clone of the repository.',
    exit: EXIT.usage,
    cause,
  });
}
