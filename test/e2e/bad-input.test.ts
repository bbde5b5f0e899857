import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canMount, readOnlyFolder } from './mount.ts';
import type { Rig } from './rig.ts';
import { createRig } from './rig.ts';
import type { Row } from './row.ts';
import { BAD, deployGood, errorText, GOOD, ok, runRow } from './row.ts';

const STARTED = { [BAD]: 3 };
const TO_GOOD = ['--version', GOOD, '--reason', 'table of bad input'];

const SECRETS = `      secrets:
        KEY: { file: key.txt }
`;

const typed: Row[] = [
  {
    what: 'a version that was never deployed',
    args: ['--version', 'v2.14.33'],
    exit: 2,
    error: [
      'Error: Version v2.14.33 of shop was never deployed here (UNKNOWN_VERSION)',
      'Did you mean v2.14.3? Known versions, newest first: v2.14.4, v2.14.3.',
      'Production is unchanged.',
      'See what could be gone back to: rollback-deploy-auto releases',
    ],
    serving: STARTED,
  },
  {
    what: 'the version that runs',
    args: ['--version', BAD],
    exit: 2,
    error: [
      'Error: shop runs v2.14.4 already (ALREADY_RUNNING)',
      'It is the current release (r2), and nothing else is in rotation.',
      'Production is unchanged.',
      'See what could be gone back to: rollback-deploy-auto releases',
    ],
    serving: STARTED,
  },
  {
    what: '--version without a value',
    args: ['--version'],
    exit: 2,
    error: [
      'Error: --version needs the tag to go back to (USAGE)',
      'The version of rollback-deploy-auto itself is printed by -V.',
      "Name a release (rollback-deploy-auto releases lists them), e.g.: rollback-deploy-auto --version v2.14.3, or ask for this program's own version: rollback-deploy-auto -V",
    ],
    serving: STARTED,
  },
  {
    what: '--version with an option in the place of its value',
    args: ['--version', '--strategy', 'rolling'],
    exit: 2,
    error: [
      'Error: --version needs the tag to go back to (USAGE)',
      'It is followed by --strategy. The version of rollback-deploy-auto itself is printed by -V.',
      "Name a release (rollback-deploy-auto releases lists them), e.g.: rollback-deploy-auto --version v2.14.3, or ask for this program's own version: rollback-deploy-auto -V",
    ],
    serving: STARTED,
  },
  {
    what: 'an unknown strategy',
    args: ['--version', GOOD, '--strategy', 'roling'],
    exit: 2,
    error: [
      'Error: Unknown strategy "roling"; did you mean "rolling"? (USAGE)',
      'Valid are: rolling, blue-green, instant, canary.',
      'Give one of them, e.g.: --strategy rolling',
    ],
    serving: STARTED,
  },
  {
    what: 'strategy canary with no canary',
    args: [...TO_GOOD, '--strategy', 'canary'],
    exit: 2,
    error: [
      'Error: No canary of shop is in progress (NO_CANARY)',
      'All traffic goes to v2.14.4; strategy canary takes a canary back.',
      'Production is unchanged.',
      'Choose another strategy: --strategy rolling, blue-green or instant.',
    ],
    serving: STARTED,
  },
  {
    what: 'no version and no consent, where nobody can be asked',
    args: [],
    exit: 2,
    error: [
      'Error: Not confirmed: Roll back shop (local, 3 instances) v2.14.4 -> v2.14.3 (CONSENT_NEEDED)',
      'Nobody can be asked here, and the command does not name the version to go back to.',
      'Production is unchanged.',
      'Name it: rollback-deploy-auto --version v2.14.3 (or add --yes)',
    ],
    serving: STARTED,
  },
  {
    what: 'a waiver of a check that does not exist',
    args: [...TO_GOOD, '--accept', 'registri'],
    exit: 2,
    error: [
      'Error: Unknown check "registri"; did you mean "registry"? (USAGE)',
      'Checks that can be accepted: target, registry, migrations, configuration, backup, retention, capacity, downtime, ownership, rights, timeout, platform, and data-loss:NAME.',
      'See which of them stop the rollback: rollback-deploy-auto check',
    ],
    serving: STARTED,
  },
  {
    what: 'a waiver of the lease',
    args: [...TO_GOOD, '--accept', 'lease'],
    exit: 2,
    error: [
      'Error: The lease cannot be waived (USAGE)',
      'It keeps two rollbacks from moving the same service at once.',
      'See who holds it, and how to take over: rollback-deploy-auto status',
    ],
    serving: STARTED,
  },
  {
    what: 'a waiver without a reason',
    args: ['--version', GOOD, '--accept', 'registry'],
    exit: 2,
    error: [
      'Error: --accept needs a reason (USAGE)',
      'Going on though a check stops it is recorded with why.',
      'Add one: --accept registry --reason "..."',
    ],
    serving: STARTED,
  },
  {
    what: 'a plan that takes longer than it may',
    args: [...TO_GOOD, '--timeout', '0.5'],
    exit: 4,
    error: [
      'Error: Rollback to v2.14.3 refused by timeout (REFUSED)',
      'Estimated {seconds}, longer than the 0.5 s allowed.',
      'From start times seen before, the drain and the shortest validation.',
      'Production is unchanged: 3 instances of v2.14.4 serve.',
      'Allow more: --timeout {seconds}',
      'To go ahead all the same, knowing this: rollback-deploy-auto --version v2.14.3 --strategy rolling --timeout 0.5 --accept timeout --reason TEXT',
    ],
    serving: STARTED,
  },
  {
    what: 'abort with nothing in progress',
    args: ['abort'],
    exit: 0,
    error: undefined,
    says: ['No run of shop is in progress. Nothing was changed.'],
    serving: STARTED,
  },
  {
    what: 'resume with nothing to resume',
    args: ['resume'],
    exit: 2,
    error: [
      'Error: No run of shop is unfinished (NOTHING_TO_RESUME)',
      'Nothing was changed.',
      'See the runs there were: rollback-deploy-auto history',
    ],
    serving: STARTED,
  },
  {
    what: 'resume of a run that never was',
    args: ['resume', 'r-1'],
    exit: 2,
    error: [
      'Error: There is no run "r-1" (RUN_NOT_FOUND)',
      '.rollback/ has no runs yet.',
      'See all runs: rollback-deploy-auto history',
    ],
    serving: STARTED,
  },
];

const found: Row[] = [
  {
    what: 'an image that is gone from the store',
    args: TO_GOOD,
    exit: 4,
    error: [
      'Error: Rollback to v2.14.3 refused by registry (REFUSED)',
      'Target version v2.14.3 image does not exist in registry.',
      'shop:v2.14.3 was deployed as {digest}.',
      'Blob {digest} is missing.',
      'Production is unchanged: 3 instances of v2.14.4 serve.',
      'Put the image back under its digest {digest}.',
      'To go ahead all the same, knowing this: rollback-deploy-auto --version v2.14.3 --strategy rolling --accept registry --reason TEXT',
    ],
    says: ['  [FAIL] Target version v2.14.3 image does not exist in registry'],
    serving: STARTED,
    async arrange(rig) {
      const { digest } = await release(rig, GOOD);
      const blob = join(rig.folder, 'images', 'blobs', 'sha256', digest.replace('sha256:', ''));
      const content = await readFile(blob);
      await rm(blob);
      return () => writeFile(blob, content);
    },
  },
  {
    what: 'a key that does not exist in the configuration',
    args: TO_GOOD,
    exit: 2,
    error: [
      'Error: rollback.yaml has 1 problem (CONFIG_INVALID)',
      'rollback.yaml:5:7  services.shop.platform.instance: unknown key "instance"; did you mean "instances"? (valid: kind, instances, port, host, drainTimeout, startTimeout, stopTimeout, keepWarm)',
      'Mend the file, then look again: rollback-deploy-auto doctor',
    ],
    serving: STARTED,
    arrange: configured('instances: 3', 'instance: 3'),
  },
  {
    what: 'a value of the wrong kind in the configuration',
    args: TO_GOOD,
    exit: 2,
    error: [
      'Error: rollback.yaml has 1 problem (CONFIG_INVALID)',
      'rollback.yaml:5:18  services.shop.platform.instances: must be a number, not "three"',
      'Mend the file, then look again: rollback-deploy-auto doctor',
    ],
    serving: STARTED,
    arrange: configured('instances: 3', 'instances: three'),
  },
  {
    what: 'a configuration that is not YAML',
    args: TO_GOOD,
    exit: 2,
    error: [
      'Error: rollback.yaml has 1 problem (CONFIG_INVALID)',
      'rollback.yaml:5:7  Flow sequence in block collection must be sufficiently indented and end with a ]',
      '  5 |       instances: 3',
      '    |       ^',
      'Mend the file, then look again: rollback-deploy-auto doctor',
    ],
    serving: STARTED,
    arrange: configured('kind: local', 'kind: [local'),
  },
  {
    what: 'a state folder that is a file',
    args: TO_GOOD,
    exit: 1,
    error: [
      'Error: Cannot read the state folder (STATE_UNUSABLE)',
      "{folder}/not-a-folder/runs can't be there: a part of that path is a file, no folder. (ENOTDIR: not a directory, scandir '{folder}/not-a-folder/runs')",
      'Production is unchanged.',
      'Set state.path in rollback.yaml to a folder.',
    ],
    serving: STARTED,
    async arrange(rig) {
      await writeFile(join(rig.folder, 'not-a-folder'), '');
      return configured('services:', 'state:\n  path: not-a-folder\nservices:')(rig);
    },
  },
  {
    what: 'a secret that the target needs and that is gone',
    args: TO_GOOD,
    exit: 4,
    error: [
      'Error: Rollback to v2.14.3 refused by configuration (REFUSED)',
      'Configuration not compatible with target version: 1 missing.',
      'Secret KEY: v2.14.3 needs it (from file:key.txt), and it is no longer configured.',
      'Production is unchanged: 3 instances of v2.14.4 serve.',
      'Provide what is missing, then run the command again.',
      'To go ahead all the same, knowing this: rollback-deploy-auto --version v2.14.3 --strategy rolling --accept configuration --reason TEXT',
    ],
    says: ['  [FAIL] Configuration not compatible with target version: 1 missing'],
    serving: STARTED,
    arrange: configured(SECRETS, ''),
  },
];

/** Each needs a file system of its own, which only root may mount. */
const mounted: Row[] = [
  {
    what: 'a state folder that is read-only',
    args: TO_GOOD,
    exit: 1,
    error: [
      'Error: Cannot write to the state folder (STATE_UNUSABLE)',
      "{folder}/.rollback/leases/shop/{number}.json may not be written by this user. (EROFS: read-only file system, open '{folder}/.rollback/leases/shop/{number}.tmp')",
      'Production is unchanged.',
      'Give this user the folder, or set state.path in rollback.yaml to another one.',
    ],
    serving: STARTED,
    arrange: (rig) => readOnlyFolder(join(rig.folder, '.rollback', 'leases')),
  },
  {
    what: 'a journal that takes no entry',
    args: TO_GOOD,
    exit: 1,
    error: [
      'Error: Cannot write to the state folder (STATE_UNUSABLE)',
      "{folder}/.rollback/runs/{run}/{number}.json may not be written by this user. (EROFS: read-only file system, access '{folder}/.rollback/runs')",
      'Production is unchanged.',
      'Give this user the folder, or set state.path in rollback.yaml to another one.',
    ],
    serving: STARTED,
    arrange: (rig) => readOnlyFolder(join(rig.folder, '.rollback', 'runs')),
  },
];

describe('bad input leaves production as it is, and says what to do', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await createRig();
    await writeFile(join(rig.folder, 'key.txt'), 'the key');
    await rig.configure((text) => text.replace('    validation:', `${SECRETS}    validation:`));
    await deployGood(rig);
    await ok(rig.deploy(BAD, 'faulty'));
  }, 120_000);

  afterAll(() => rig?.close());

  for (const row of [...typed, ...found]) test(row.what, { timeout: 60_000 }, () => runRow(rig, row));

  for (const row of mounted) {
    test(row.what, { timeout: 60_000 }, async ({ skip }) => {
      if (!(await canMount(join(rig.folder, 'mounts'))))
        skip('Nothing can be mounted here: not root on Linux.');
      await runRow(rig, row);
    });
  }
});

test('an empty folder', async () => {
  const rig = await createRig({ start: false });
  await rm(join(rig.folder, 'rollback.yaml'));
  const ran = await rig.run(TO_GOOD);
  expect(errorText(ran.stderr, rig)).toEqual([
    'Error: No rollback.yaml found (CONFIG_NOT_FOUND)',
    'Neither {folder} nor a folder above it has one.',
    'Name a workload of a Kubernetes cluster: rollback-deploy-auto deployment/NAME -n NAMESPACE',
    'Or write a configuration from what is here: rollback-deploy-auto init (or name a file: --config FILE)',
  ]);
  expect(ran.code).toBe(2);
  expect(await readdir(rig.folder)).toEqual([]);
  await rm(rig.folder, { recursive: true });
});

test('no supervisor', async () => {
  const rig = await createRig({ start: false });
  const ran = await rig.run(TO_GOOD);
  expect(errorText(ran.stderr, rig)).toEqual([
    'Error: The local supervisor of shop is not running (PLATFORM_UNREACHABLE)',
    'Neither it nor its proxy answers, so nothing is served.',
    'Production is unchanged.',
    'Start it: rollback-deploy-auto local start',
  ]);
  expect(ran.code).toBe(2);
  await rm(rig.folder, { recursive: true });
});

/** Changes the configuration, and puts it back. */
function configured(from: string, to: string): NonNullable<Row['arrange']> {
  return async (rig) => {
    const file = join(rig.folder, 'rollback.yaml');
    const before = await readFile(file, 'utf8');
    if (!before.includes(from)) throw new Error(`rollback.yaml has no ${from}`);
    await writeFile(file, before.replace(from, to));
    return () => writeFile(file, before);
  };
}

async function release(rig: Rig, version: string): Promise<{ digest: string }> {
  const rows: { release: { version: string; digest: string } }[] = JSON.parse(
    (await rig.ok(['releases', '--output', 'json'])).stdout,
  );
  const row = rows.find((one) => one.release.version === version);
  if (!row) throw new Error(`No release ${version}`);
  return row.release;
}
