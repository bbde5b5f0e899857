import { spawn } from 'node:child_process';
import { access, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parseConfiguration } from '../src/config/load.ts';
import {
  commandLines,
  knownOptions,
  type Page,
  pagePaths,
  parseCommand,
  readPage,
  wordsOf,
} from './docs-pages.ts';
import {
  CLI,
  createShell,
  linesOf,
  type NotRun,
  outputOf,
  type Ran,
  runPage,
  type Shell,
  withoutPrefix,
} from './docs-typed.ts';
import { createRig, type Rig } from './e2e/rig.ts';
import { freePort } from './free-port.ts';

/** Lines of `sh` blocks that are not run here. */
const NOT_RUN: NotRun[] = [
  { page: 'README.md', line: 'npm run demo', why: 'takes its time', by: 'test/demo.test.ts' },
  { page: 'README.md', line: 'npm test', why: 'runs this test', by: '.ci/run' },
  {
    page: 'README.md',
    line: 'npm ci',
    why: 'replaces what runs this test',
    by: 'scripts/ensure-installed.mjs',
  },
  { page: 'README.md', line: 'npm pack', why: 'builds', by: 'test/packaging.test.ts' },
  {
    page: 'README.md',
    line: 'npm install --global',
    why: 'changes the machine',
    by: 'test/packaging.test.ts',
  },
  {
    page: 'docs/commands.md',
    line: 'rollback-deploy-auto completion',
    why: 'writes to the home of who runs it',
    by: 'test/cli-completion.test.ts',
  },
  {
    page: 'docs/database.md',
    line: 'tail -n 1 backup-',
    why: 'needs a backup and the sqlite3 shell',
    by: 'test/sqlite-shell.test.ts',
  },
  {
    page: 'docs/reversing-migrations.md',
    line: 'rollback-deploy-auto migrations db/migrations --from v2.14.3 --write-reversal',
    why: 'needs a git repository with tags',
    by: 'test/migrations/write-reversal.test.ts',
  },
  {
    page: 'docs/restoring.md',
    line: 'rollback-deploy-auto restore',
    why: 'needs a backup',
    by: 'test/e2e/restore.test.ts',
  },
  {
    page: 'docs/reversing-migrations.md',
    line: 'rollback-deploy-auto --version v2.14.3 --reverse-migrations',
    why: 'needs an application on a schema that was migrated',
    by: 'test/e2e/reversal.test.ts',
  },
  {
    page: 'docs/backups.md',
    line: 'sha256sum ',
    why: 'needs a server',
    by: 'test/databases/by-hand.test.ts',
  },
  {
    page: 'docs/backups.md',
    line: 'createdb ',
    why: 'needs a server',
    by: 'test/databases/by-hand.test.ts',
  },
  {
    page: 'docs/backups.md',
    line: 'pg_restore ',
    why: 'needs a server',
    by: 'test/databases/by-hand.test.ts',
  },
  {
    page: 'docs/backups.md',
    line: 'tail -n 1 backup-',
    why: 'needs a server',
    by: 'test/databases/by-hand.test.ts',
  },
  {
    page: 'docs/backups.md',
    line: 'mariadb ',
    why: 'needs a server',
    by: 'test/databases/by-hand.test.ts',
  },
  { page: 'docs/database.md', line: 'sqlite3 ', why: 'the same', by: 'test/sqlite-shell.test.ts' },
  {
    page: 'docs/images.md',
    line: 'skopeo ',
    why: 'needs skopeo and a registry',
    by: 'test/oci-layout.test.ts',
  },
  { page: 'docs/images.md', line: 'rm images/blobs/', why: 'shortened', by: 'test/oci-layout.test.ts' },
];

/** Pages that are typed on a cluster, by test/kubernetes/docs.test.ts. */
const ON_A_CLUSTER = ['docs/kubernetes.md'];

/** Options in inline code that are other programs'. */
const FOREIGN_OPTIONS = ['--server-side', '--dest-compress-format'];

const GOOD = 'v2.14.3';
const BAD = 'v2.14.4';
const pages: Page[] = await Promise.all((await pagePaths()).map(readPage));
const options = knownOptions();

describe.each(pages)('$path', (page) => {
  test('commands and options in it are those of the program', async () => {
    for (const { line, text } of commandLines(page)) {
      // A synopsis.
      if (/\[|\.\.\./.test(text)) continue;
      const [, ...words] = wordsOf(text);
      await parseCommand(words).catch((error: Error) => {
        throw new Error(`${page.path}:${line}: ${text}: ${error.message}`);
      });
    }
    for (const { line, text } of page.code) {
      const option = /^(--[a-z][\w-]*|-[a-zA-Z]$)/.exec(text)?.[1];
      if (option === undefined || FOREIGN_OPTIONS.includes(option)) continue;
      expect(options, `${page.path}:${line}: ${text}`).toContain(option);
    }
  });

  test('its links lead somewhere', async () => {
    for (const { line, to } of page.links) {
      if (/^[a-z]+:/.test(to)) continue;
      const [path = '', anchor] = to.split('#');
      const file = path === '' ? page.path : join(dirname(page.path), path);
      await access(file).catch(() => {
        throw new Error(`${page.path}:${line}: there is no ${file}`);
      });
      if (anchor !== undefined && file.endsWith('.md'))
        expect((await readPage(file)).anchors, `${page.path}:${line}`).toContain(anchor);
    }
  });

  test('its blocks are of kinds that are tested, and its configurations load', () => {
    for (const { line, language, text } of page.fences) {
      // SQL is of the rules' pages, whose examples test/schema-changes/rules.test.ts runs.
      expect(['', 'sh', 'yaml', 'js', 'ini', 'sql'], `${page.path}:${line}`).toContain(language);
      if (language === 'yaml') parseConfiguration(text, `${page.path}:${line}`);
    }
  });
});

test('what is not run here is on its page, and is run elsewhere', async () => {
  for (const { page, line, by } of NOT_RUN) {
    const found = pages.find(({ path }) => path === page);
    const lines = found?.fences.flatMap(({ language, text }) => (language === 'sh' ? text.split('\n') : []));
    expect(
      lines?.some((each) => withoutPrefix(each).startsWith(line)),
      `${page}: ${line}`,
    ).toBe(true);
    await access(by);
  }
});

test('the exit codes of README.md are those of the help', async () => {
  const help = (await run(['--help'])).stdout;
  const rows = [...(await readFile('README.md', 'utf8')).matchAll(/^\| (\d) \| (.*) \|$/gm)];
  expect(rows).toHaveLength(6);
  for (const [, code, says = ''] of rows) expect(help).toContain(`  ${code}  ${says.replaceAll('`', '"')}\n`);
});

describe('what the pages tell to type', () => {
  const typed = pages.filter(
    (page) => !ON_A_CLUSTER.includes(page.path) && linesOf(page, NOT_RUN).length > 0,
  );
  let rig: Rig;
  let shell: Shell;
  let load: ReturnType<Rig['load']>;

  beforeAll(async () => {
    rig = await createRig();
    await deploy(rig, GOOD, 'good');
    load = rig.load(50);
    await load.started;
    await rig.waitForEvidence(GOOD, 60);
    await mkdir(join(rig.folder, 'build'));
    await cp('test/e2e/app', join(rig.folder, 'build'), { recursive: true });
    await writeFile(join(rig.folder, 'build', 'version.txt'), 'v2.14.5');
    shell = await createShell(rig.folder);
  }, 180_000);

  afterAll(async () => {
    await load?.stop();
    await rig?.close();
  }, 60_000);

  afterEach(() => shell?.end());

  test.each(typed.filter(({ path }) => path !== 'README.md'))('$path', { timeout: 300_000 }, async (page) => {
    await runPage(
      page,
      shell,
      {
        prepare: async (what) => {
          await settle(rig);
          if (what === 'a client was killed in the middle') await killInTheMiddle(rig);
          else if (what !== undefined) throw new Error(`${page.path} asks for what nobody prepares: ${what}`);
        },
        // Half an hour is for people.
        typed: async (line) => (await withRunIds(rig, line)).replace('--monitor 30m', '--monitor 1s'),
      },
      NOT_RUN,
    );
  });
});

test('README.md, from nothing', { timeout: 300_000 }, async () => {
  const page = pages.find(({ path }) => path === 'README.md') as Page;
  const rig = await createRig({ start: false });
  await rm(join(rig.folder, 'rollback.yaml'));
  const port = await freePort();
  const shell = await createShell(rig.folder);
  const hello = join(rig.folder, 'hello');
  const recording = page.fences[0]?.text ?? '';
  let compared = false;
  try {
    for (const { file, text } of page.fences) {
      if (file === undefined) continue;
      await mkdir(dirname(join(rig.folder, file)), { recursive: true });
      await writeFile(join(rig.folder, file), text);
    }
    await runPage(
      page,
      shell,
      {
        prepare: async () => {},
        typed: async (line) => line.replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`),
        after: async (line, { stdout }) => {
          if (line.startsWith('rollback-deploy-auto --version')) {
            compared = true;
            expect(shapeOf(stdout)).toEqual(shapeOf(recording.slice(recording.indexOf('Rollback Target'))));
          }
          if (line !== 'rollback-deploy-auto init') return;
          const path = join(hello, 'rollback.yaml');
          const text = (await readFile(path, 'utf8')).replace('port: 8080', `port: ${port}`);
          await writeFile(
            path,
            text.replace('    monitor:', '    validation: { latencyFloor: 10000 }\n    monitor:'),
          );
        },
      },
      NOT_RUN,
    );
    expect(compared).toBe(true);
  } finally {
    await shell.end();
    await run(['local', 'stop'], hello);
    await rm(rig.folder, { recursive: true, force: true });
  }
});

/** What a rollback printed, whatever the versions and figures, and whether or not there is a database. */
function shapeOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !/database|^Next: /i.test(line))
    .map((line) => line.replaceAll(/v\d+\.\d+\.\d+/g, 'VERSION').replaceAll(/\d+(\.\d+)?/g, 'N'));
}

function run(args: string[], cwd = resolve('.')): Promise<Ran> {
  return outputOf(spawn(process.execPath, [CLI, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] }));
}

/** As it is before each block: the bad version runs, and no run is unfinished. */
async function settle(rig: Rig): Promise<void> {
  const before = await rig.status();
  if (before.run) await rig.ok(['abort']);
  const { current, traffic } = await rig.status();
  if (current.version === BAD && traffic.serving.length === 1) return;
  await deploy(rig, BAD, 'faulty');
}

async function deploy(rig: Rig, version: string, behaviour: string): Promise<void> {
  const { code, stdout, stderr } = await rig.deploy(version, behaviour);
  if (code !== 0) throw new Error(`${version} was not deployed: ${stdout}${stderr}`);
}

/** A client that is gone, with a part of the traffic on either version. */
async function killInTheMiddle(rig: Rig): Promise<void> {
  const client = spawn(process.execPath, [CLI, '--version', GOOD, '--timeout', '120'], {
    cwd: rig.folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const gone = new Promise((done) => client.once('exit', done));
  let said = '';
  await new Promise<void>((done, reject) => {
    client.stderr.on('data', (chunk) => {
      said += chunk;
      if (said.includes('drain-instance:1/3')) done();
    });
    client.once('exit', () => reject(new Error(`The rollback ended before it could be killed:\n${said}`)));
  });
  client.kill('SIGKILL');
  await gone;
  expect((await rig.status()).run?.state).toBe('lost');
}

/** Ids of runs on a page stand for the last one. */
async function withRunIds(rig: Rig, line: string): Promise<string> {
  const id = /r-\d{8}-\d{6}-[0-9a-f]{4}/;
  if (!id.test(line)) return line;
  const runs: { runId: string }[] = JSON.parse((await rig.ok(['history', '--output', 'json'])).stdout);
  const last = runs
    .map(({ runId }) => runId)
    .sort()
    .at(-1);
  if (last === undefined) throw new Error(`No run was begun before: ${line}`);
  return line.replace(id, last);
}
