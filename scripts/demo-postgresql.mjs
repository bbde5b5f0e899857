import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** How long a server may take to answer, ms. */
const START_MS = 30_000;

/**
 * A database for the demo: a new one on the server of DEMO_DATABASE_URL, else on a server of the demo's own, which only
 * this user reaches.
 * @param {string | undefined} url
 * @returns {Promise<{url: string, where: string, folder?: string, stop: () => Promise<void>}>} `stop` removes it.
 */
export async function demoPostgresql(url) {
  return url ? databaseOn(url) : ownServer();
}

/** @param {string} url */
async function databaseOn(url) {
  const name = `rollback_demo_${randomBytes(4).toString('hex')}`;
  await query(url, `CREATE DATABASE ${name}`).catch((error) => {
    throw new Error(
      `On the server of DEMO_DATABASE_URL no database can be made: ${error.message}. It must answer, and its user needs the right CREATEDB.`,
    );
  });
  const own = new URL(url);
  own.pathname = `/${name}`;
  return {
    url: own.href,
    where: `the database ${name} on ${own.host}`,
    stop: () => query(url, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

async function ownServer() {
  const bin = programs();
  // A server refuses to run as root, so there it is the account that its package makes.
  const account = process.getuid?.() === 0 ? await accountOf('postgres') : undefined;
  const folder = await mkdtemp(join(tmpdir(), 'rollback-demo-pg-'));
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let server;
  const stop = async () => {
    if (server && server.exitCode === null && server.signalCode === null) {
      const gone = new Promise((resolve) => server?.once('exit', resolve));
      server.kill('SIGINT');
      await gone;
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await chmod(folder, 0o700);
    if (account) await chown(folder, account.uid, account.gid);
    const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C' };
    const made = spawnSync(
      join(bin, 'initdb'),
      ['-D', join(folder, 'data'), '-U', 'shop', '-E', 'UTF8', '--auth=trust', '--no-sync'],
      { cwd: account ? '/' : folder, env, encoding: 'utf8', ...account },
    );
    if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? made.stderr}`);
    // No port: the socket lies in a folder that only this user may enter.
    const settings = ['listen_addresses=', `unix_socket_directories=${folder}`, 'fsync=off'];
    const args = ['-D', join(folder, 'data'), ...settings.flatMap((setting) => ['-c', setting])];
    server = spawn(join(bin, 'postgres'), args, {
      cwd: '/',
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      ...account,
    });
    let log = '';
    server.stderr?.on('data', (chunk) => {
      log += chunk;
    });
    const at = (/** @type {string} */ name) =>
      `postgresql://shop@localhost/${name}?host=${encodeURIComponent(folder)}`;
    await answering(at('postgres'), server, () => log);
    await query(at('postgres'), 'CREATE DATABASE shop');
    return { url: at('shop'), where: 'a server of its own', folder, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @param {string} url @param {import('node:child_process').ChildProcess} server @param {() => string} log */
async function answering(url, server, log) {
  for (const until = Date.now() + START_MS; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (server.exitCode !== null || server.signalCode !== null)
      throw new Error(`PostgreSQL ended while it started: ${log()}`);
    try {
      return await query(url, 'SELECT 1');
    } catch (error) {
      if (Date.now() > until) throw new Error(`PostgreSQL does not answer: ${log()}`, { cause: error });
    }
  }
}

/** @param {string} url @param {string} text */
async function query(url, text) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

/** The folder of the newest server's programs, which Debian keeps out of PATH. */
function programs() {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''),
  ];
  const found = folders.find((folder) =>
    ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))),
  );
  if (found) return found;
  throw new Error(
    'PostgreSQL is not installed: no initdb and postgres in /usr/lib/postgresql/*/bin and PATH. Install it (package ' +
      'postgresql), or set DEMO_DATABASE_URL to a server, e.g. postgresql://USER:PASSWORD@HOST/postgres.',
  );
}

/** @param {string} name */
async function accountOf(name) {
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((one) => one.startsWith(`${name}:`));
  if (!line)
    throw new Error(
      `PostgreSQL does not run as root, and there is no user ${name}. Run this as another user.`,
    );
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}
