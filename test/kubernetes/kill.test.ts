import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seeded } from '../simulation/random.ts';
import { type JournalWrite, killProxy } from './kill-proxy.ts';
import {
  type KillCase,
  type KilledStrategy,
  nameOf,
  nextVersions,
  rollbackArguments,
  runKillCase,
} from './kill-run.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';

/** `npm run matrix` runs every case (CASE=REGEX: only those whose name matches); the tests run a seeded sample. */
const WHOLE = process.env.MATRIX === 'all';
const SEED = Number(process.env.SEED ?? 1);
const SAMPLES: Record<KilledStrategy, number> = {
  rolling: 4,
  instant: 4,
  'blue-green': 4,
  'rolling, two at once': 2,
};
const STRATEGIES = Object.keys(SAMPLES) as KilledStrategy[];

for (const strategy of STRATEGIES) {
  describe.skipIf(!hasCluster)(`${strategy}: killed around a journal write in the cluster`, () => {
    let rig: KubernetesRig;
    let cases: KillCase[] = [];

    beforeAll(async () => {
      rig = await kubernetesRig();
      const writes = await undisturbed(rig, strategy);
      const only = new RegExp(process.env.CASE ?? '');
      cases = (WHOLE || process.env.CASE ? everyCase(strategy, writes) : sample(strategy, writes)).filter(
        (kill) => only.test(nameOf(kill)),
      );
    }, 120_000);

    afterAll(() => rig?.dispose());

    it('another client from an empty folder brings it to a good end, no request lost, nothing left', {
      timeout: WHOLE ? 7_200_000 : 600_000,
    }, async () => {
      const wrong: string[] = [];
      for (const kill of cases) {
        const found = await runKillCase(rig, kill);
        wrong.push(...found.map((what) => `${nameOf(kill)}: ${what}`));
        if (WHOLE || process.env.CASE)
          console.log([found.length === 0 ? 'ok' : 'WRONG', nameOf(kill), ...found].join(' '));
        // What a broken end leaves would be blamed on every case after it.
        if (found.length > 0) break;
      }
      expect(cases.length).toBeGreaterThan(0);
      expect(wrong).toEqual([]);
    });
  });
}

/** Every journal write of a run that nobody disturbs. */
async function undisturbed(rig: KubernetesRig, strategy: KilledStrategy): Promise<JournalWrite[]> {
  const { to } = await nextVersions(rig);
  const proxy = await killProxy(rig.namespace);
  try {
    const run = await rig.rda(rollbackArguments(rig, strategy, to), {
      env: { KUBECONFIG: proxy.kubeconfig },
    });
    if (run.exit !== 0) throw new Error(`It ended with ${run.exit}\n${run.stdout}\n${run.stderr}`);
    await rig.settled();
    return [...proxy.writes];
  } finally {
    await proxy.close();
  }
}

function everyCase(strategy: KilledStrategy, writes: JournalWrite[]): KillCase[] {
  return writes.flatMap(({ n, kind }) =>
    (['before', 'after'] as const).flatMap((when) =>
      (['resume', 'abort'] as const).map((goOnBy) => ({ strategy, write: n, kind, when, goOnBy })),
    ),
  );
}

/** Spread over the whole run, each drawn by the seed. */
function sample(strategy: KilledStrategy, writes: JournalWrite[]): KillCase[] {
  const random = seeded(SEED * 31 + STRATEGIES.indexOf(strategy));
  const count = SAMPLES[strategy];
  const size = writes.length / count;
  return Array.from({ length: count }, (_, i) => {
    const { n, kind } = random.pick(writes.slice(Math.floor(i * size), Math.floor((i + 1) * size)));
    const when = random.pick(['before', 'after'] as const);
    return { strategy, write: n, kind, when, goOnBy: random.pick(['resume', 'abort'] as const) };
  });
}
