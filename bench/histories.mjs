/**
 * `npm run bench:histories [-- FOLDER]`: judges the migrations that well-known projects have made over the years, and prints
 * what comes of it as tables, with the agreement with squawk on the rules that both have. The histories are fetched at
 * pinned commits, or taken from FOLDER, which holds a git repository of each by its name (e.g. `FOLDER/crates.io`). One
 * that can't be had is said to be skipped, with the reason. Exits with 1 where one was judged and the product crashed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'tsdown';
import { HISTORIES, layOut } from './histories-sources.mjs';
import { agreement, installSquawk, SQUAWK } from './squawk.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const given = process.argv[2];
const VERDICTS = ['safe', 'conditional', 'unknown', 'writes-fail', 'reads-fail', 'data-destroyed'];

const cache = join(root, 'node_modules/.cache');
await mkdir(cache, { recursive: true });
const compiled = await mkdtemp(join(cache, 'bench-histories-'));
const folder = await mkdtemp(join(tmpdir(), 'bench-histories-'));
let crashed = false;
try {
  await build({
    config: false,
    cwd: root,
    entry: { engines: 'src/schema-changes/engines.ts' },
    outDir: compiled,
    format: 'esm',
    dts: false,
    logLevel: 'silent',
    report: false,
  });
  const { engineOf } = await import(pathToFileURL(join(compiled, 'engines.mjs')).href);
  const squawk = await installSquawk(join(folder, 'squawk'));
  if ('why' in squawk) console.log(`${SQUAWK}: SKIPPED: ${squawk.why}`);
  console.log(`| history | migrations | statements | read | ${VERDICTS.join(' | ')} | s |`);
  console.log(`|---|---|---|---|${VERDICTS.map(() => '---|').join('')}---|`);
  /** @type {import('./squawk.mjs').Agreement} */
  const agreed = new Map();
  for (const source of HISTORIES) {
    const repository = await fetched(source);
    if (repository === undefined) continue;
    for (const { engine, path, layout } of source.migrations) {
      const into = join(folder, `${source.name}-${engine}`);
      const files = layOut(repository, source.commit, path, layout, into);
      const { read } = await engineOf(engine);
      const statements = files.flatMap((/** @type {{text: string}} */ { text }) => read(text));
      const unread = statements.filter((/** @type {{operations: {op: string}[]}} */ { operations }) =>
        operations.some(({ op }) => op === 'unknown'),
      );
      const judged = judge(into, engine, layout === 'diesel' ? 'diesel' : 'golang-migrate');
      if (!judged) continue;
      const { seconds, verdicts } = judged;
      const counts = VERDICTS.map((verdict) => verdicts.filter((one) => one.verdict === verdict).length);
      const rate = (100 * (statements.length - unread.length)) / statements.length;
      console.log(
        `| ${source.name}, ${engine} | ${verdicts.length} | ${statements.length} | ${rate.toFixed(2)} % | ${counts.join(' | ')} | ${seconds.toFixed(1)} |`,
      );
      if (engine === 'postgresql' && 'program' in squawk) agreement(squawk.program, into, verdicts, agreed);
    }
  }
  if (agreed.size > 0) {
    console.log(`\n| rule | rule of ${SQUAWK} | both | only squawk | only here |\n|---|---|---|---|---|`);
    for (const [rule, { theirs, both, onlyTheirs, onlyOurs }] of agreed)
      console.log(`| ${rule} | ${theirs} | ${both} | ${onlyTheirs.length} | ${onlyOurs.length} |`);
    if (process.env.SHOW)
      for (const [rule, { onlyTheirs, onlyOurs }] of agreed)
        console.log(`${rule}\n  only squawk: ${onlyTheirs.join(' ')}\n  only here: ${onlyOurs.join(' ')}`);
  }
} finally {
  await rm(compiled, { recursive: true });
  await rm(folder, { recursive: true });
}
process.exitCode = crashed ? 1 : 0;

/** A repository that holds the commit; undefined, and said, where it can't be had. @param {typeof HISTORIES[number]} source */
async function fetched({ name, address, commit }) {
  const repository = given === undefined ? join(folder, `${name}.git`) : resolve(given, name);
  const git = (/** @type {string[]} */ ...args) => execFileSync('git', args, { stdio: 'pipe' });
  try {
    if (given === undefined) {
      git('init', '--quiet', '--bare', repository);
      git('-C', repository, 'fetch', '--quiet', '--depth', '1', address, commit);
    }
    git('-C', repository, 'cat-file', '-e', `${commit}^{commit}`);
    return repository;
  } catch (error) {
    const why = error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error);
    console.log(`${name}: SKIPPED: ${commit} of ${address} can't be had: ${why}`);
    return undefined;
  }
}

/**
 * @param {string} files @param {string} engine @param {string} format
 * @returns {{seconds: number, verdicts: import('./squawk.mjs').Judged[]} | undefined} undefined where it crashed, which is said
 */
function judge(files, engine, format) {
  const since = performance.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      ...[join(root, 'dist/cli.js'), 'migrations', '.', '--engine', engine],
      ...['--format', format, '--output', 'json'],
    ],
    { cwd: files, encoding: 'utf8', maxBuffer: 1 << 30 },
  );
  if (status === 0 || status === 4)
    return { seconds: (performance.now() - since) / 1000, verdicts: JSON.parse(stdout) };
  console.log(`${files}: CRASHED with ${status}: ${stderr}`);
  crashed = true;
  return undefined;
}
