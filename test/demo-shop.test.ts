import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startLoad } from '../examples/load/load.mjs';
import { assembleShop } from '../examples/shop/assemble.mjs';
import { SQL_ENGINES, type SqlEngineKind, type StartedEngine } from './e2e/sql-engines.ts';
import { freePort } from './free-port.ts';

/** What tells the shop what to open. */
const VARIABLES = { sqlite: 'DATABASE_PATH', postgresql: 'DATABASE_URL' } as const;

describe.each(['sqlite', 'postgresql'] as const)('the shop on %s', (name) => {
  const engine = SQL_ENGINES.find((kind) => kind.name === name) as SqlEngineKind;
  describe.skipIf(!engine.installed)('where it is installed', () => {
    let started: StartedEngine;
    let folder: string;
    let processes: ChildProcess[];

    beforeAll(async () => {
      started = await engine.start();
    });
    afterAll(() => started?.stop());
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'rollback-shop-'));
      processes = [];
    });
    afterEach(async () => {
      for (const one of processes) if (one.exitCode === null && one.signalCode === null) one.kill('SIGKILL');
      if (name === 'postgresql')
        await started.sql('DROP SCHEMA public CASCADE; CREATE SCHEMA public', folder);
      await rm(folder, { recursive: true, force: true });
    });

    const assemble = (release: string, changes: Parameters<typeof assembleShop>[2] = {}) =>
      assembleShop(join(folder, release.replace('-destructive', '')), release, {
        database: name,
        ...changes,
      });

    /** Starts an instance of a release that is assembled in the folder; resolves once it listens. */
    async function start(release: string): Promise<{ url: string; port: number; child: ChildProcess }> {
      const port = await freePort();
      const child = spawn(process.execPath, ['server.mjs'], {
        cwd: join(folder, release),
        // Nothing of this project can be found from there: the folder must hold all that it needs.
        env: { PORT: String(port), [VARIABLES[name]]: started.database(folder) },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      processes.push(child);
      const exit = once(child, 'exit').then(([code]) =>
        Promise.reject(new Error(`${release} ended with ${code}`)),
      );
      exit.catch(() => {});
      await Promise.race([once(child.stdout as NonNullable<typeof child.stdout>, 'data'), exit]);
      return { url: `http://127.0.0.1:${port}`, port, child };
    }

    test('three instances start at once on an empty database: each migration is applied once', async () => {
      await assemble('v2.14.4');
      await Promise.all([start('v2.14.4'), start('v2.14.4'), start('v2.14.4')]);
      const rows = await started.sql('SELECT version FROM schema_migrations ORDER BY version', folder);
      expect(rows.map(({ version }) => version)).toEqual([
        '20260110090000',
        '20260110090100',
        '20260310140000',
      ]);
      const [products] = await started.sql('SELECT count(*) AS n FROM products', folder);
      expect(Number(products?.n)).toBe(4);
    });

    test('an older release serves on a database that a newer one has extended; orders outlive both', async () => {
      await assemble('v2.14.3');
      await assemble('v2.14.4', { faults: { errorRate: 0, delayMs: 0 } });
      const [newer] = [await start('v2.14.4')];
      const body = JSON.stringify({ product: 1, quantity: 2, note: 'gift' });
      const ordered = await fetch(`${newer.url}/orders`, { method: 'POST', body });
      expect(ordered.status).toBe(201);
      expect(ordered.headers.get('x-version')).toBe('v2.14.4');
      const { id } = (await ordered.json()) as { id: number };

      const older = await start('v2.14.3');
      const found = await fetch(`${older.url}/orders/${id}`);
      expect(found.headers.get('x-version')).toBe('v2.14.3');
      expect(await found.json()).toMatchObject({ id, product_id: 1, quantity: 2, note: 'gift' });
      const added = await fetch(`${older.url}/orders`, { method: 'POST', body });
      expect(added.status).toBe(201);
    });

    test('v2.14.4 fails one request in twenty, marked as its own; v2.14.3 none', async () => {
      await assemble('v2.14.3');
      await assemble('v2.14.4');
      const [good, bad] = [await start('v2.14.3'), await start('v2.14.4')];
      for (const [url, share] of [
        [good.url, 0],
        [bad.url, 0.05],
      ] as const) {
        const report = await startLoad({ url, rate: 200, seconds: 2 }).ended;
        expect(report.failed).toBe(0);
        expect(report.injectedFaults).toBe(Math.floor(report.answered * share));
      }
    });

    test('the destructive variant leaves the older release without a column it writes', async () => {
      await assemble('v2.14.4-destructive');
      const newer = await start('v2.14.4');
      expect((await fetch(`${newer.url}/healthz`)).status).toBe(200);
      await assemble('v2.14.3');
      await expect(start('v2.14.3')).rejects.toThrow('v2.14.3 ended with 1');
    });

    test('SIGTERM answers what is in flight, closes WebSockets and ends the process', async () => {
      await assemble('v2.14.4', { faults: { errorRate: 0, delayMs: 500 } });
      const { url, port, child } = await start('v2.14.4');
      const socket = new WebSocket(`ws://127.0.0.1:${port}/live`);
      await once(socket, 'message');
      const inFlight = fetch(`${url}/products`);
      socket.send('are you there');
      await once(socket, 'message');
      const [closed, exit] = [once(socket, 'close'), once(child, 'exit')];
      child.kill('SIGTERM');
      expect((await inFlight).status).toBe(200);
      expect((await closed)[0]).toBe(1001);
      expect(await exit).toEqual([0, null]);
    });
  });
});
