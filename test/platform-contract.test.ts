import { platformContract } from './contracts/platform.ts';
import { localRig, stepContext } from './local-platform-rig.ts';
import { seeded } from './simulation/random.ts';
import { simClock } from './simulation/sim-clock.ts';
import { NO_FAULTS, simPlatform } from './simulation/sim-platform.ts';
import { NEW, OLD, simWorld } from './simulation/sim-world.ts';

platformContract('the local platform', async () => {
  const rig = await localRig({ instances: 2 });
  await rig.start();
  await rig.deploy('v1');
  await rig.deploy('v2');
  const { platform } = (await rig.context()).adapters;
  const never = new AbortController().signal;
  return {
    from: 'r2',
    to: 'r1',
    epoch: 100,
    facts: () => platform.facts(never),
    steps: () => platform.steps(),
    expand: (move, facts) => platform.expand(move, facts),
    context: stepContext,
    run: (work) => work(),
    dispose: () => rig.close(),
  };
});

platformContract('the simulated platform', async () => {
  const clock = simClock();
  const world = simWorld(clock, 2, 0);
  const platform = simPlatform({ world, clock, random: seeded(1), faults: NO_FAULTS, alive: () => true });
  return {
    from: NEW,
    to: OLD,
    epoch: 1,
    facts: () => platform.facts(),
    steps: () => platform.steps(),
    expand: (move, facts) => platform.expand(move, facts),
    context: (epoch) => ({ ...stepContext(epoch), clock }),
    run: (work) => clock.run(work()),
    dispose: async () => {},
  };
});
