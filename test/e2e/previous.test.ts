import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildImage } from '../../src/oci/build-image.ts';
import { createLayout } from '../../src/oci/image-layout.ts';
import type { Rig } from './rig.ts';
import { createRig } from './rig.ts';
import type { Row } from './row.ts';
import { BAD, deployBad, deployGood, GOOD, ok, runRow } from './row.ts';

const nothingGood: Row = {
  what: 'previous with nothing known to be good',
  args: ['--yes'],
  exit: 4,
  error: [
    'Error: No earlier release of shop is known to be good (NO_KNOWN_GOOD)',
    'Passed over v2.14.3 (r1): no request was seen while it served.',
    'Production is unchanged.',
    'Name one yourself: rollback-deploy-auto --version TAG (see rollback-deploy-auto releases)',
  ],
  serving: { [BAD]: 3 },
};

const chosen: Row[] = [
  {
    what: 'previous chooses the newest release that was good',
    args: ['--yes'],
    exit: 0,
    error: undefined,
    says: ['Rollback Target: v2.14.3\n', 'All instances healthy. Traffic fully restored.\n'],
    serving: { [GOOD]: 3 },
  },
  {
    what: 'previous, after that, does not offer what was gone back from',
    args: ['--yes', '--dry-run'],
    exit: 0,
    error: undefined,
    says: ['Passed over v2.14.4 (r4): rolled back from in {run}; ', 'Rollback Target: v2.14.3\n'],
    serving: { 'v2.14.5': 3 },
    async arrange(rig) {
      await ok(rig.deploy('v2.14.5', 'good'));
      return undefined;
    },
  },
  {
    what: 'a tag that was moved since: what was deployed is run',
    args: ['--version', GOOD],
    exit: 0,
    error: undefined,
    says: [
      '  [WARN] Tag shop:v2.14.3 was moved since it was deployed; the deployed image is run\n',
      'All instances healthy. Traffic fully restored.\n',
    ],
    serving: { [GOOD]: 3 },
    async arrange(rig) {
      const folder = join(rig.folder, 'another');
      await mkdir(folder);
      await writeFile(join(folder, 'version.txt'), 'something else');
      const layout = await createLayout(join(rig.folder, 'images'));
      const layers = [{ folder }];
      await buildImage(layout, { layers, reference: `shop:${GOOD}`, entrypoint: ['node', 'nothing.mjs'] });
      return undefined;
    },
    async after(rig) {
      const answer = await fetch(rig.url);
      expect(answer.headers.get('x-content')).toBe('v2.14.3 good');
    },
  },
];

describe('which release is gone back to', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await createRig();
    await ok(rig.deploy(GOOD, 'good'));
    await deployBad(rig, 'faulty');
  }, 120_000);

  afterAll(() => rig?.close());

  test(nothingGood.what, { timeout: 60_000 }, () => runRow(rig, nothingGood));

  describe('with one that was good', () => {
    beforeAll(async () => {
      await deployGood(rig);
      await deployBad(rig, 'faulty');
    }, 120_000);

    for (const row of chosen) test(row.what, { timeout: 60_000 }, () => runRow(rig, row));
  });
});
