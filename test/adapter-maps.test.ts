import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configurationSources } from '../src/adapters/configuration/index.ts';
import { databases } from '../src/adapters/database/index.ts';
import { healthProbes } from '../src/adapters/health/index.ts';
import { metricsProviders } from '../src/adapters/metrics/index.ts';
import { migrationSources } from '../src/adapters/migrations/index.ts';
import { platforms } from '../src/adapters/platform/index.ts';
import { registries } from '../src/adapters/registry/index.ts';
import { stores } from '../src/adapters/store/index.ts';

const FOLDER = 'src/adapters';

/** The map of each kind, and how its names read as files: an adapter is a file or a folder of its own name. */
const maps: Record<string, Record<string, unknown>> = {
  configuration: configurationSources,
  database: databases,
  health: healthProbes,
  metrics: metricsProviders,
  migrations: migrationSources,
  platform: platforms,
  registry: registries,
  store: stores,
};

test('every kind of adapter has an interface named after it, and a map', async () => {
  const kinds = (await readdir(FOLDER, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  expect(kinds.map((entry) => entry.name).sort()).toEqual(Object.keys(maps).sort());
  for (const kind of Object.keys(maps)) {
    expect(await readdir(join(FOLDER, kind))).toEqual(expect.arrayContaining([`${kind}.ts`, 'index.ts']));
  }
});

test.each(Object.entries(maps))(
  '%s: the map names exactly the adapters that are there',
  async (kind, map) => {
    const entries = await readdir(join(FOLDER, kind), { withFileTypes: true });
    const there = new Set(entries.map((entry) => entry.name.replace(/\.ts$/, '')));
    for (const name of Object.keys(map)) expect(there, `${kind}/${name} is in the map`).toContain(name);
    const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    for (const folder of folders)
      expect(Object.keys(map), `${kind}/${folder}/ is a folder`).toContain(folder);
  },
);
