import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** How far back the history of a folder is looked through, commits. */
const HISTORY = 200;
const MOST_BYTES = 64 * 1024 * 1024;
/** As `git am` reads it, whatever this user's git is set to. */
const DIFF = [
  ...['-c', 'diff.noprefix=false', '-c', 'diff.mnemonicPrefix=false', 'diff'],
  ...['--binary', '--full-index', '--no-color', '--no-ext-diff', '--no-textconv'],
];

export interface RevertInput {
  /** Folder of a clone that has the commit, absolute. */
  clone: string;
  /** What is applied now. */
  commit: string;
  /** What of it, from the root of the repository. */
  path: string;
  /** Of the target, as its template names it. */
  image: string;
}

/**
 * The way back as a patch that `git am` takes: the folder as it was in its newest commit that names the target's image
 * or, where images are put together from names and tags, the target's tag. Reads the clone, changes nothing in it.
 * @returns undefined where there is no git, no such commit, or no commit that names the target; or the newest one does
 */
export async function revertPatch(input: RevertInput, signal: AbortSignal): Promise<string | undefined> {
  const { clone, commit, path, image } = input;
  const git = async (...args: string[]) =>
    (await run('git', ['-C', clone, ...args], { signal, maxBuffer: MOST_BYTES })).stdout;
  const names = async (text: string, at: string) =>
    git('grep', '-q', '-E', '-e', whole(text), at, '--', root(path)).then(
      () => true,
      (error) => {
        signal.throwIfAborted();
        // 1 says that there is none.
        if (error.code === 1) return false;
        throw error;
      },
    );
  try {
    const log = await git('log', '--format=%H', `-n${HISTORY}`, commit, '--', root(path));
    const tag = /:([\w.-]+)$/.exec(image)?.[1];
    for (const text of [image, ...(tag === undefined ? [] : [tag])]) {
      if (await names(text, commit)) return undefined;
      for (const before of log.split('\n').filter(Boolean)) {
        if (!(await names(text, before))) continue;
        const diff = await git(...DIFF, commit, before, '--', root(path));
        return mail(input, before, text, diff);
      }
    }
    return undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/** An extended regular expression of that text, and not of one that only contains it, as `v2.14.3-rc` does `v2.14.3`. */
function whole(text: string): string {
  const literal = text.replaceAll(/[\\.+*?()|[\]{}^$]/g, '\\$&');
  return `(^|[^A-Za-z0-9_./-])${literal}($|[^A-Za-z0-9_.-])`;
}

/** A path from the root of the repository, wherever the clone's folder is in it. */
function root(path: string): string {
  const clean = path.replace(/^(\.?\/)+/, '').replace(/\/+$/, '');
  return clean === '' || clean === '.' ? ':/' : `:/${clean}`;
}

function mail({ commit, path }: RevertInput, before: string, text: string, diff: string): string {
  return `From ${commit} Mon Sep 17 00:00:00 2001
From: rollback-deploy-auto <rollback-deploy-auto@localhost>
Date: ${new Date().toUTCString().replace('GMT', '+0000')}
Subject: [PATCH] Revert ${path} to ${before.slice(0, 12)}

It goes from ${commit.slice(0, 12)} back to the newest state that names ${text}.

---
${diff}-- 
rollback-deploy-auto

`;
}
