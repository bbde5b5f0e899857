import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dbmate } from '../src/adapters/migrations/dbmate.ts';
import { checkMigrations } from '../src/checks/migrations.ts';
import type { CommandContext } from '../src/commands/context.ts';
import { withShippedMigrations } from '../src/commands/shipped-migrations.ts';
import { systemClock } from '../src/commands/system-clock.ts';
import { RollbackError } from '../src/model/error.ts';
import type { Facts } from '../src/model/facts.ts';
import { emptyEvidence } from '../src/model/histogram.ts';
import type { Release } from '../src/model/release.ts';

const CREATE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT);';
const DROP = 'ALTER TABLE t DROP COLUMN b;';
/** What each version's image has in its folder; an error where it can't be read. */
const IMAGES: Record<string, Record<string, string> | undefined | Error> = {
  v1: { '1_create.sql': CREATE },
  v2: { '1_create.sql': CREATE, '2_drop.sql': DROP },
  v3: { '1_create.sql': CREATE, '2_drop.sql': DROP },
};

test('nothing newer is applied: the image of the target alone is read', async () => {
  const { read, finding } = await check(['1']);
  expect(read).toEqual(['v1']);
  expect(finding).toMatchObject({ status: 'ok' });
});

test('the SQL comes from the newest release, and no further image is read once all of it is there', async () => {
  const { read, finding } = await check(['1', '2']);
  expect(read).toEqual(['v1', 'v3']);
  expect(finding).toMatchObject({
    status: 'fail',
    title: '1 destructive migration between v1 and v3',
    evidence: [expect.stringMatching(/^app\/db\/migrations\/2_drop\.sql:2: ALTER TABLE t DROP COLUMN b /)],
  });
});

test('what the newest release no longer ships is looked for in those before it', async () => {
  const { read, finding } = await check(['1', '2'], { v3: { '1_create.sql': CREATE } });
  expect(read).toEqual(['v1', 'v3', 'v2']);
  expect(finding).toMatchObject({ status: 'fail' });
});

test('a newer image that can’t be read leaves its SQL unknown, with the reason', async () => {
  const broken = new RollbackError({ code: 'X', summary: 'The registry is away', fix: 'Start it.' });
  const { finding } = await check(['1', '2'], { v2: broken, v3: broken });
  expect(finding).toMatchObject({
    status: 'unknown',
    blocking: true,
    evidence: [
      '2: applied, but no known release ships its SQL.',
      'What v3 ships is not known. The registry is away',
      'What v2 ships is not known. The registry is away',
    ],
  });
});

test('an image without the folder is unknown, and says what to set', async () => {
  const { read, finding } = await check(['1', '2'], { v1: undefined });
  // Nothing that newer ones ship could help.
  expect(read).toEqual(['v1']);
  expect(finding).toMatchObject({
    status: 'unknown',
    blocking: true,
    evidence: [
      'Which migrations v1 ships was not recorded.',
      'The image shop:v1 has no folder db/migrations.',
    ],
    fix: [
      'Set database.migrations.path in rollback.yaml to the folder of the migrations in the image.',
      'Go on all the same: add --accept migrations --reason TEXT',
    ],
  });
});

test('a file that is none of the format is unknown, with file and line', async () => {
  const { finding } = await check(['1'], { v1: { '1_create.sql': '\n-- migrate:up' } });
  expect(finding).toMatchObject({ status: 'unknown', blocking: true });
  expect(finding?.evidence[1]).toContain('app/db/migrations/1_create.sql:3');
});

test('a newer release whose digest is not known is not taken by its tag', async () => {
  const { read, finding } = await check(['1', '2'], {}, (release) =>
    release.version === 'v1' ? release : { ...release, image: { ...release.image, digest: '' } },
  );
  expect(read).toEqual(['v1']);
  expect(finding).toMatchObject({ status: 'unknown', blocking: true });
});

test('what was recorded is not read again; nothing is read where the database says nothing', async () => {
  const migrations = dbmate().parse([{ path: 'db/1_create.sql', content: `-- migrate:up\n${CREATE}` }]);
  const recorded = await check(['1'], {}, (release) => ({ ...release, migrations }));
  expect(recorded).toMatchObject({ read: [], finding: { status: 'ok' } });
  expect((await check(undefined)).read).toEqual([]);
});

describe('from git', () => {
  let clone: string;
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x', ...args], { cwd: clone });
  const write = async (name: string, sql: string) => {
    await mkdir(join(clone, 'app/db/migrations'), { recursive: true });
    await writeFile(join(clone, 'app/db/migrations', name), `-- migrate:up\n${sql}\n-- migrate:down\n`);
    git('add', '.');
    git('commit', '--quiet', '--message', name);
  };
  beforeAll(async () => {
    clone = await mkdtemp(join(tmpdir(), 'rda-clone-'));
    git('init', '--quiet');
    await write('1_create.sql', CREATE);
    git('tag', 'release-v1');
    await write('2_drop.sql', DROP);
    git('tag', 'release-v2');
    git('tag', 'release-v3');
    await rm(join(clone, 'app'), { recursive: true });
    await writeFile(join(clone, 'README.md'), '');
    git('add', '--all');
    git('commit', '--quiet', '--message', 'moved');
    git('tag', 'moved-v1');
  });
  afterAll(() => rm(clone, { recursive: true }));
  const place = { path: './app/db/migrations/', from: 'git', clone: '.', ref: 'release-$version' };
  const ofGit = (more: object, applied = ['1', '2']) =>
    check(applied, {}, (release) => ({ ...release, image: { ...release.image, digest: '' } }), {
      configFolder: clone,
      configuration: { database: { migrations: { ...place, ...more } } },
    });

  test('the files are those of the releases’ refs, and no image is read', async () => {
    const { read, finding } = await ofGit({});
    expect(read).toEqual([]);
    expect(finding).toMatchObject({
      status: 'fail',
      title: '1 destructive migration between v1 and v3',
      evidence: [expect.stringMatching(/^app\/db\/migrations\/2_drop\.sql:2: ALTER TABLE t DROP COLUMN b /)],
    });
    expect((await ofGit({}, ['1'])).finding).toMatchObject({ status: 'ok' });
  });

  test.each([
    [{ ref: '$version' }, 'git knows no v1 here'],
    [{ ref: 'moved-$version' }, 'git moved-v1 has no folder ./app/db/migrations/ with migrations.'],
    [{ clone: tmpdir() }, "Files of an older version can't be read: git does not work here"],
  ])('what can’t be read is unknown and says why: %o', async (more, why) => {
    const { finding } = await ofGit(more);
    expect(finding).toMatchObject({ status: 'unknown', blocking: true });
    expect(finding?.evidence.join('\n')).toContain(why);
  });
});

async function check(
  applied: string[] | undefined,
  images: typeof IMAGES = {},
  change = (release: Release) => release,
  more: object = {},
) {
  const contents = { ...IMAGES, ...images };
  const releases = ['v3', 'v2', 'v1'].map((version) => change(releaseOf(version)));
  const to = releases[2] as Release;
  const read: string[] = [];
  const context = {
    clock: systemClock,
    configuration: { database: { migrations: { path: 'db/migrations', from: 'image' } } },
    stop: { immediate: new AbortController().signal },
    adapters: {
      migrations: dbmate(),
      registry: {
        folderReader: (folder: string) => async (image: Release['image']) => {
          const version = image.reference.split(':')[1] as string;
          read.push(version);
          const files = contents[version];
          if (files instanceof Error) throw files;
          return (
            files &&
            Object.entries(files).map(([name, sql]) => ({
              path: `app/${folder}/${name}`,
              content: `-- migrate:up\n${sql}`,
            }))
          );
        },
      },
    },
    ...more,
  } as unknown as CommandContext;
  const database = { name: 'shop.db', engine: 'sqlite', applied, sizeBytes: 1, backupBlocksWritersMs: 0 };
  const facts = {
    platform: { current: 'v3', releases },
    database: { known: true, value: database },
  } as unknown as Facts;
  const shipped = await withShippedMigrations(context, facts, to);
  const [finding] = await checkMigrations(shipped.facts, shipped.to);
  return { read, finding };
}

function releaseOf(version: string): Release {
  return {
    id: version,
    version,
    image: { reference: `shop:${version}`, digest: `sha256:${version}` },
    deployedAt: '2026-03-15T10:00:00Z',
    deployedBy: 'x',
    configuration: { environment: {}, secrets: {}, files: [] },
    migrations: undefined,
    evidence: emptyEvidence(),
  };
}
