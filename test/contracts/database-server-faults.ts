import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { build } from 'tsdown';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../../src/adapters/database/database.ts';
import type { ServerAddress } from '../../src/adapters/database/server-address.ts';
import type { DatabaseServer } from '../databases/server.ts';
import { canMount, smallDisk } from '../e2e/mount.ts';
import { withoutRoot } from '../without-root.ts';
import type { DatabaseFixture } from './database.ts';
import { believed } from './database.ts';

export interface ServerFixture extends DatabaseFixture {
  server: DatabaseServer;
  /** The adapter with this address instead, in the same backup folder. */
  as(address: Partial<ServerAddress>): Database;
  /** Makes a user who may read all tables but those. */
  user(name: string, password: string, except: string[]): Promise<void>;
  /** What an option object needs to be made again in another process, and the address in it. */
  plainOptions: Record<string, unknown>;
  address: ServerAddress;
}

export interface Faults {
  /** Source file and name of the function that makes the adapter. */
  source: string;
  factory: string;
  /** What it says where `clerk` may not read `invoices`. */
  denied: RegExp;
  /** Programs that it runs. */
  tools: RegExp;
}

const NOW = Date.UTC(2026, 2, 15, 10, 32, 0);
const NEVER = new AbortController().signal;
const NOT_VERIFIED = 'BACKUP_NOT_VERIFIED';

/** What may go wrong around a backup of a database server: each is caught, or comes out right. */
export function databaseServerFaults(
  kind: string,
  faults: Faults,
  create: () => Promise<ServerFixture>,
): void {
  describe(`faults: ${kind}`, () => {
    let fixture: ServerFixture;
    let bundle: string;
    beforeAll(async () => {
      // Below the project, so that it finds the driver.
      await mkdir(resolve('node_modules/.cache'), { recursive: true });
      bundle = await mkdtemp(join(resolve('node_modules/.cache'), 'database-'));
      const entry = { adapter: faults.source };
      const silent = {
        config: false,
        format: 'esm',
        shims: true,
        dts: false,
        logLevel: 'silent',
        report: false,
      } as const;
      await build({ ...silent, entry, outDir: bundle });
    });
    afterAll(() => rm(bundle, { recursive: true, force: true }));
    beforeEach(async () => {
      fixture = await create();
    });
    afterEach(() => fixture.end());

    const take = (overrides: Partial<Parameters<Database['backUp']>[0]> = {}, database = fixture.database) =>
      database.backUp({ nowMs: NOW, signal: NEVER, progress() {}, ...overrides });
    const finished = async () => (await readdir(fixture.backupFolder).catch(() => [])) as string[];

    test.each([
      ['one digit changed', 'UPDATE digits SET n = 1234567891 WHERE id = 2', /Table \S*digits\S*: values/],
      ['a row more', 'INSERT INTO digits VALUES (4, 1)', /Table \S*digits\S*: 3 rows backed up, 4 restored/],
      ['a row less', 'DELETE FROM digits WHERE id = 1', /Table \S*digits\S*: 3 rows backed up, 2 restored/],
      ['a NULL for an empty text', 'UPDATE words SET w = NULL', /Table \S*words\S*: values/],
      ['an index less', 'DROP INDEX by_n ON digits', /(indexes|definitions) differ/],
      ['a column more', 'ALTER TABLE words ADD more int', /(columns|definitions) differ|values/],
    ])('a whole dump of something else is found: %s', async (_, change, told) => {
      await fixture.exec('CREATE TABLE digits (id INTEGER PRIMARY KEY, n BIGINT)');
      await fixture.exec('INSERT INTO digits VALUES (1, 1234567890), (2, 1234567890), (3, 0)');
      await fixture.exec('CREATE INDEX by_n ON digits (n)');
      await fixture.exec("CREATE TABLE words (w VARCHAR(9)); INSERT INTO words VALUES ('')");
      const backup = await take();
      await fixture.exec(kind === 'postgresql' ? change.replace(' ON digits', '') : change);
      const other = await take({ nowMs: NOW + 1000 });
      await copyFile(other.path, backup.path);
      await expect(fixture.database.verify(backup, NEVER)).rejects.toMatchObject({ code: NOT_VERIFIED });
      const error = await fixture.database.verify(await believed(backup), NEVER).catch((e) => e);
      expect(error).toMatchObject({ code: NOT_VERIFIED, detail: expect.stringMatching(told) });
      expect(await fixture.places()).toEqual([]);
    });

    test('a backup that was proven tells how long the next one takes; one that was only read does not', async () => {
      expect((await fixture.database.facts(NEVER)).backup).toEqual({ estimateMs: expect.any(Number) });
      const backup = await take();
      await fixture.database.verify(backup, NEVER, 'read');
      expect((await fixture.database.facts(NEVER)).backup).not.toHaveProperty('proven');
      await fixture.database.verify(backup, NEVER);
      await take({ nowMs: NOW + 1000 });
      const { backup: outlook } = await fixture.database.facts(NEVER);
      expect(outlook?.proven).toEqual({ name: backup.name, takenAt: new Date(NOW).toISOString() });
      expect(outlook?.estimateMs).toBeGreaterThan(backup.tookMs);
      await fixture.database.verify(backup, NEVER);
    });

    test('a manifest that is missing, cut off or changed is not believed', async () => {
      const backup = await take();
      const path = `${backup.path}.json`;
      const whole = await readFile(path, 'utf8');
      const damaged = [
        whole.slice(0, whole.length / 2),
        '{}',
        whole.replace(/"contentHash":"./, '"contentHash":"_'),
        whole.replace(/"rows":\{("[^"]*"):\d+/, '"rows":{$1:99'),
      ];
      for (const text of damaged) {
        await writeFile(path, text);
        await expect(fixture.database.verify(backup, NEVER, 'read'), text).rejects.toMatchObject({
          code: NOT_VERIFIED,
        });
      }
      await rm(path);
      await expect(fixture.database.verify(backup, NEVER)).rejects.toMatchObject({ code: NOT_VERIFIED });
      expect(await fixture.database.backups()).toEqual([]);
    });

    test('a folder that may not be written to, and a file that may not be read', async () => {
      await mkdir(fixture.backupFolder);
      const backup = await take();
      await withoutRoot(join(fixture.backupFolder, '..'), async () => {
        await chmod(backup.path, 0o000);
        await expect(fixture.database.verify(backup, NEVER)).rejects.toMatchObject({
          code: NOT_VERIFIED,
          detail: expect.stringContaining("can't be read"),
        });
        await chmod(fixture.backupFolder, 0o500);
        await expect(take()).rejects.toMatchObject({
          code: 'BACKUP_FAILED',
          detail: expect.stringContaining("can't be written to (EACCES)"),
        });
      });
    });

    test('a disk that it would fill is left alone; one that somebody else fills meanwhile is left as it was', async (context) => {
      if (!(await canMount(join(fixture.backupFolder, '..', 'try')))) context.skip('needs to mount');
      await fixture.fill(20_000);
      let unmount = await smallDisk(fixture.backupFolder, 5_000);
      try {
        await expect(take()).rejects.toMatchObject({
          code: 'BACKUP_FAILED',
          detail: expect.stringMatching(/^Not enough space/),
        });
        expect(await finished()).toEqual([]);
        await unmount();
        unmount = await smallDisk(fixture.backupFolder, 200_000);
        const filling = [...Array(100).keys()].map((i) => join(fixture.backupFolder, `other-${i}`));
        let full = false;
        await expect(
          take({
            progress() {
              if (full) return;
              full = true;
              fillUp(filling);
            },
          }),
        ).rejects.toMatchObject({
          code: 'BACKUP_FAILED',
          detail: expect.stringContaining('is full'),
        });
        expect((await finished()).filter((name) => !name.startsWith('other-'))).toEqual([]);
      } finally {
        await unmount();
      }
    });

    test('a server that goes down in the middle, and is there again', async () => {
      await fixture.fill(40_000);
      let down: Promise<void> | undefined;
      await expect(
        take({
          progress() {
            down ??= fixture.server.kill();
          },
        }),
      ).rejects.toMatchObject({ code: 'BACKUP_FAILED' });
      await down;
      expect(await finished()).toEqual([]);
      await expect(take()).rejects.toMatchObject({ code: 'BACKUP_FAILED', retriable: true });
      await started(fixture.server);
      const backup = await take();
      const verified = fixture.database.verify(backup, NEVER).catch((error) => error);
      await until(async () => (await fixture.places()).length > 0);
      await fixture.server.kill();
      expect(await verified).toMatchObject({ code: NOT_VERIFIED });
      await started(fixture.server);
      await fixture.database.verify(backup, NEVER);
      expect(await fixture.places()).toEqual([]);
    });

    test('a table that may not be read is named, and nothing is left', async () => {
      await fixture.exec('CREATE TABLE open_to_all (x INT); CREATE TABLE invoices (x INT)');
      await fixture.user('clerk', 'secret-1', ['invoices']);
      await expect(take({}, fixture.as({ user: 'clerk', password: 'secret-1' }))).rejects.toMatchObject({
        code: 'BACKUP_FAILED',
        detail: expect.stringMatching(faults.denied),
        fix: expect.stringContaining('GRANT SELECT'),
      });
      expect(await finished()).toEqual([]);
    });

    test('the password is in no argument, file or message; its file is its owner’s alone, and goes', async () => {
      const password = `pa:s\\s'w"ör d#;%`;
      const database = fixture.as({ user: 'deployer', password });
      // Long enough to be seen.
      await fixture.fill(20_000);
      await fixture.user('deployer', password, []);
      const watch = watchProcesses(faults.tools);
      const told: string[] = [];
      const backup = await take({ progress: (p) => told.push(JSON.stringify(p)) }, database);
      await database.verify(backup, NEVER, 'read');
      await database.verify(backup, NEVER);
      const into = fixture.place('restored');
      // It may lack the right to give what it restores to its owners; what it says of that is looked at too.
      await database.restore(backup, into, NEVER).catch((error) => told.push(allOf(error)));
      const wrong = fixture.as({ user: 'deployer', password: `${password}?` });
      for (const failing of [wrong, fixture.as({ user: 'deployer', password, port: 1 })]) {
        told.push(allOf(await failing.facts(NEVER).catch((error) => error)));
        told.push(allOf(await take({}, failing).catch((error) => error)));
        told.push(allOf(await failing.verify(backup, NEVER).catch((error) => error)));
      }
      const { commandLines, secretModes } = await watch.end();
      expect(commandLines.filter((line) => faults.tools.test(line)).length).toBeGreaterThan(0);
      expect(secretModes.size).toBeGreaterThan(0);
      for (const modes of secretModes) expect(modes).toBe('700 600');
      const files = await Promise.all(
        (await finished()).map((name) => readFile(join(fixture.backupFolder, name), 'latin1')),
      );
      const everything = [...commandLines, ...told, ...files, JSON.stringify(backup), database.name];
      const forms = [password, encodeURIComponent(password), JSON.stringify(password).slice(1, -1)];
      for (const text of everything)
        for (const form of forms) expect(text.includes(form), text.slice(0, 200)).toBe(false);
      expect(await secretFolders()).toEqual([]);
    });

    /** Runs `body` with `database` in a process of its own. */
    async function inProcess(body: string) {
      const name = (await readdir(bundle)).find((file) => /^adapter\.m?js$/.test(file)) as string;
      const script = `import { ${faults.factory} } from ${JSON.stringify(pathToFileURL(join(bundle, name)).href)};
        const address = ${JSON.stringify(fixture.address)};
        const database = ${faults.factory}({ ...${JSON.stringify(fixture.plainOptions)}, address: async () => address });
        const signal = new AbortController().signal;
        const say = (text) => process.stdout.write(text + '\\n');
        ${body}`;
      return spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
    }

    test.each([1, 10])(
      'killed in the middle of the dump (%i), there is no finished backup, and the next run clears up',
      async (after) => {
        await fixture.fill(20_000);
        const child = await inProcess(
          `await database.backUp({ nowMs: 0, signal, progress: () => say('progress') }); say('done')`,
        );
        const exited = once(child, 'exit');
        let seen = 0;
        let done = false;
        for await (const line of createInterface({ input: child.stdout })) {
          done ||= line === 'done';
          if (++seen === after) child.kill('SIGKILL');
        }
        expect((await exited)[1]).toBe('SIGKILL');
        expect(done).toBe(false);
        await until(async () => (await childrenOf(faults.tools, fixture.server.port)).length === 0);
        expect((await finished()).filter((name) => !name.startsWith('.'))).toEqual([]);
        expect(await fixture.database.backups()).toEqual([]);
        const backup = await take();
        expect((await finished()).filter((name) => name.startsWith('.'))).toEqual([]);
        await fixture.database.verify(backup, NEVER);
        expect(await secretFolders()).toEqual([]);
      },
    );

    test('killed while it restores, the scratch database that it leaves is dropped by the next run, not by one beside it', async () => {
      await fixture.fill(20_000);
      const backup = await take();
      const child = await inProcess(`await database.verify(${JSON.stringify(backup)}, signal); say('done')`);
      const exited = once(child, 'exit');
      await until(async () => (await fixture.places()).length > 0);
      const [scratch] = await fixture.places();
      // Another run at the same time lets it be.
      child.kill('SIGSTOP');
      await take({ nowMs: NOW + 1000 });
      expect(await fixture.places()).toContain(scratch);
      child.kill('SIGKILL');
      expect((await exited)[1]).toBe('SIGKILL');
      await until(async () => {
        await fixture.database.verify(backup, NEVER);
        return (await fixture.places()).length === 0;
      });
      expect(await secretFolders()).toEqual([]);
    });
  });
}

function allOf(error: unknown): string {
  const seen: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause)
    seen.push(String(at), at.stack ?? '', JSON.stringify(at));
  return seen.join('\n');
}

/** Sparse files take no room on a tmpfs; these do. */
function fillUp(paths: string[]): void {
  const { writeFileSync } = process.getBuiltinModule('node:fs');
  try {
    for (const path of paths) writeFileSync(path, Buffer.alloc(4 << 20, 1));
  } catch {
    // Full.
  }
}

/** A server that was killed may hold its files for a moment still. */
async function started(server: DatabaseServer): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await server.start();
    } catch (error) {
      if (tries === 50) throw error;
      await wait(100);
    }
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await wait(5);
}

/** Command lines of all processes that the pattern matches and that have this port in their environment or arguments. */
async function childrenOf(tools: RegExp, port: number): Promise<string[]> {
  const lines: string[] = [];
  for (const pid of await pids()) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (!tools.test(line)) continue;
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (environment.includes(String(port)) || line.includes(String(port))) lines.push(line);
  }
  return lines;
}

async function pids(): Promise<string[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
}

async function secretFolders(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith(`rollback-deploy-auto-${process.pid}-`));
}

/** Looks at all processes of the machine, and at what is handed over as files, until it is ended. */
function watchProcesses(tools: RegExp) {
  const commandLines = new Set<string>();
  const secretModes = new Set<string>();
  let ended = false;
  const watching = (async () => {
    while (!ended) {
      for (const pid of await pids()) {
        const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
        if (tools.test(line)) commandLines.add(line);
      }
      for (const name of await secretFolders()) {
        const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
        const folder = join(tmpdir(), name);
        const modes = await Promise.all([mode(folder), mode(join(folder, 'credentials'))]).catch(() => []);
        if (modes.length > 0) secretModes.add(modes.join(' '));
      }
      await wait(1);
    }
  })();
  return {
    async end() {
      ended = true;
      await watching;
      return { commandLines: [...commandLines], secretModes };
    },
  };
}
