import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from '../free-port.ts';
import { startPostgresql } from './postgresql.ts';
import { type DatabaseServer, ownerOf } from './server.ts';

/** Whether the tool is installed (Debian package `pgbackrest`). */
export const HAS_PGBACKREST = spawnSync('pgbackrest', ['version']).status === 0;

export interface Archived {
  server: DatabaseServer;
  /** Path of pgbackrest.conf. */
  config: string;
  /** Path of the repository. */
  repository: string;
  stanza: string;
  /** Runs pgbackrest as the account of the server, with its configuration and stanza. */
  pgbackrest(...args: string[]): Promise<string>;
  /** Restores by that command line, but into a folder of its own, starts a server there and asks it. */
  restored<T>(command: string, ask: (client: (database: string) => pg.Client) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

/** A real PostgreSQL whose WAL a real pgBackRest archives; it has one full backup. */
export async function startArchived(): Promise<Archived> {
  const folder = await mkdtemp(join(tmpdir(), 'rda-pgbackrest-'));
  const config = join(folder, 'pgbackrest.conf');
  const repository = join(folder, 'repository');
  const stanza = 'shop';
  const server = await startPostgresql({
    archive_mode: 'on',
    archive_command: `pgbackrest --config=${config} --stanza=${stanza} archive-push %p`,
  });
  const owner = await ownerOf('postgres');
  for (const path of [folder, repository]) {
    await mkdir(path, { recursive: true });
    if (owner) await chown(path, owner.uid, owner.gid);
  }
  const lines = [
    ...['[global]', `repo1-path=${repository}`, `lock-path=${folder}/lock`, `log-path=${folder}/log`],
    ...['repo1-retention-full=9', 'start-fast=y', `[${stanza}]`],
    ...[`pg1-path=${join(server.folder, 'data')}`, `pg1-socket-path=${server.folder}`],
    ...[`pg1-port=${server.port}`, `pg1-user=${server.user}`, ''],
  ];
  await writeFile(config, lines.join('\n'));
  const options = {
    cwd: folder,
    env: { PATH: process.env.PATH, LC_ALL: 'C', PGPASSWORD: server.password },
    ...owner,
  };
  const run = async (program: string, args: string[]) =>
    (await promisify(execFile)(program, args, options)).stdout;
  const pgbackrest = (...args: string[]) =>
    run('pgbackrest', [`--config=${config}`, `--stanza=${stanza}`, '--log-level-console=off', ...args]);
  await pgbackrest('stanza-create');
  await pgbackrest('--type=full', 'backup');
  return {
    server,
    config,
    repository,
    stanza,
    pgbackrest,
    async restored(command, ask) {
      const other = join(folder, `restored-${await freePort()}`);
      await mkdir(other, { mode: 0o700 });
      if (owner) await chown(other, owner.uid, owner.gid);
      const [program, ...args] = command.split(' ') as [string, ...string[]];
      await run(program, [...args, `--pg1-path=${other}`]);
      const port = await freePort();
      const settings = [`-p ${port}`, `-k ${folder}`, '-c listen_addresses=127.0.0.1', '-c archive_mode=off'];
      const control = (...args: string[]) =>
        execFileSync(join(server.bin, 'pg_ctl'), ['-D', other, ...args], { ...options, stdio: 'ignore' });
      control('-l', join(folder, 'restored.log'), '-o', settings.join(' '), '-w', 'start');
      try {
        const { user, password } = server;
        const client = (database: string) =>
          new pg.Client({ host: '127.0.0.1', port, user, password, database });
        await promoted(client('postgres'));
        return await ask(client);
      } finally {
        control('-m', 'immediate', '-w', 'stop');
      }
    },
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function promoted(client: pg.Client): Promise<void> {
  await client.connect();
  try {
    for (;;) {
      const { rows } = await client.query('SELECT pg_is_in_recovery() AS still');
      if (!rows[0].still) return;
      await wait(100);
    }
  } finally {
    await client.end();
  }
}
