import { isDeepStrictEqual } from 'node:util';
import { RollbackError } from '../../../model/error.ts';
import { instanceId } from './instance-id.ts';
import type { Instances } from './instances.ts';
import type { KeptMonitors } from './kept-monitors.ts';
import type { Rotation } from './rotation.ts';
import { type ServiceFile, writeServiceFile } from './service-file.ts';
import { refuse, type Site } from './site.ts';
import type {
  CurrentRequest,
  Fenced,
  ForgetReleaseRequest,
  InstanceRequest,
  KeepWarmRequest,
  MonitorRequest,
  ReleaseRequest,
  StartRequest,
  StopRequest,
  SwitchRequest,
} from './supervisor-api.ts';
import type { SupervisorView } from './supervisor-view.ts';

/** What the supervisor does when asked, by method and path. */
export type SupervisorCalls = Record<string, (body: never) => Promise<unknown>>;

export interface CallParts {
  site: Site;
  instances: Instances;
  rotation: Rotation;
  monitors: KeptMonitors;
  view: SupervisorView;
  /** Begins to end everything. */
  shutdown(): void;
}

export function supervisorCalls(parts: CallParts): SupervisorCalls {
  const { site, instances, rotation, monitors, view } = parts;
  const { state, releases, evidence } = site;

  /** A call under a lease: refused where a newer lease was seen, or where what it expects does not hold. */
  const fenced =
    <B extends Fenced>(act: (body: B) => Promise<unknown>) =>
    async (body: B) => {
      await admitEpoch(site, body);
      return act(body);
    };
  const viewOf = async (id: string) => (await view.state()).instances.find((one) => one.id === id) ?? {};

  return {
    'GET /state': () => view.state(),
    'GET /facts': () => view.facts(),
    'POST /instances/start': fenced(async ({ id, slot, release, secrets }: StartRequest) => {
      if (id !== instanceId(site.service.service, release, slot)) {
        throw refuse('BAD_REQUEST', `${id} is not the name of ${release} in slot ${slot}`);
      }
      if (!state.value.releases.includes(release)) {
        throw refuse('RELEASE_UNKNOWN', `There is no release ${release}`);
      }
      await instances.start(id, slot, release, secrets ?? {});
      return viewOf(id);
    }),
    'POST /instances/admit': fenced(async ({ id }: InstanceRequest) => {
      await rotation.admit(id);
      return viewOf(id);
    }),
    'POST /instances/drain': fenced(async ({ id }: InstanceRequest) => {
      await rotation.drain(id);
      return viewOf(id);
    }),
    'POST /instances/stop': fenced(({ id, force }: StopRequest) => rotation.stop(id, force ?? false)),
    'POST /instances/keep-warm': fenced(({ id, untilMs }: KeepWarmRequest) => rotation.keepWarm(id, untilMs)),
    'POST /switch': fenced((body: SwitchRequest) => rotation.switchTo(body.in)),
    'POST /current': fenced(async ({ release, canary }: CurrentRequest) => {
      for (const id of [release, canary]) {
        if (id !== null && !state.value.releases.includes(id)) {
          throw refuse('RELEASE_UNKNOWN', `There is no release ${id}`);
        }
      }
      await evidence.flush();
      await state.update((draft) => {
        draft.current = release ?? undefined;
        draft.canary = canary ?? undefined;
      });
    }),
    'POST /releases': fenced(async ({ release: { evidence: _, ...record } }: ReleaseRequest) => {
      const next = state.value.lastRelease + 1;
      if (record.id !== `r${next}`) {
        // The same again: its answer was lost.
        const known = state.value.releases.includes(record.id) && (await releases.read(record.id));
        if (known && isDeepStrictEqual(known, record)) return;
        throw refuse('RELEASE_EXISTS', `The next release is r${next}, not ${record.id}`);
      }
      await releases.write(record);
      await state.update((draft) => {
        draft.releases.push(record.id);
        draft.lastRelease = next;
      });
    }),
    'POST /releases/forget': fenced(async ({ id }: ForgetReleaseRequest) => {
      const { current, canary, instances: all, releases: known } = state.value;
      if (!known.includes(id)) return;
      if (id === current || id === canary || all.some((one) => one.release === id)) {
        throw refuse('RELEASE_IN_USE', `Release ${id} is in use`);
      }
      await state.update((draft) => {
        draft.releases = draft.releases.filter((one) => one !== id);
      });
      evidence.forget(id);
      await releases.remove(id);
    }),
    'POST /monitor': ({ runId, configPath }: MonitorRequest) => monitors.keep(runId, configPath),
    'POST /service': async (next: ServiceFile) => {
      const { host, port } = site.service;
      if (next.host !== host || next.port !== port) {
        throw refuse(
          'ADDRESS_IN_USE',
          `The proxy listens on ${host}:${port}, not on ${next.host}:${next.port}`,
          {
            detail: 'Its address cannot change while it serves.',
            fix: 'rollback-deploy-auto local stop, then: rollback-deploy-auto local start',
          },
        );
      }
      await writeServiceFile(site.dir, next);
      site.service = next;
    },
    'POST /shutdown': async () => parts.shutdown(),
  };
}

async function admitEpoch({ state }: Site, { epoch, expect }: Fenced): Promise<void> {
  if (!Number.isSafeInteger(epoch))
    throw refuse('BAD_REQUEST', 'A changing call needs the epoch of its lease');
  if (epoch < state.value.epoch) throw staleEpoch(epoch, state.value.epoch);
  if (epoch > state.value.epoch) {
    await state.update((draft) => {
      draft.epoch = Math.max(draft.epoch, epoch);
    });
    // Another one came first while this was written.
    if (epoch < state.value.epoch) throw staleEpoch(epoch, state.value.epoch);
  }
  const current = state.value.current ?? null;
  if (expect?.current !== undefined && expect.current !== current) {
    throw refuse(
      'PRECONDITION',
      `The current release is ${current ?? 'none'}, not ${expect.current ?? 'none'}`,
      {
        detail: 'Somebody changed it meanwhile.',
      },
    );
  }
}

function staleEpoch(epoch: number, highest: number): RollbackError {
  return new RollbackError({
    code: 'STALE_EPOCH',
    summary: 'Another client has taken the service over',
    detail: `This one came with epoch ${epoch}; the highest seen is ${highest}.`,
    fix: 'See who: rollback-deploy-auto status',
  });
}
