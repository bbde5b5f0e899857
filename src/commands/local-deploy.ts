import { resolve } from 'node:path';
import { fingerprintKey, snapshotConfiguration } from '../adapters/configuration/snapshot.ts';
import { addCanary, type RollOut, replaceInstances } from '../adapters/platform/local/roll-out.ts';
import { supervisorClient } from '../adapters/platform/local/supervisor-client.ts';
import { tryAgain } from '../adapters/platform/local/try-again.ts';
import { startHeartbeat } from '../engine/heartbeat.ts';
import { describeProduction } from '../engine/production.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import { serves } from '../model/facts.ts';
import { emptyEvidence } from '../model/histogram.ts';
import { type Release, type ReleaseReference, referenceTo } from '../model/release.ts';
import { didYouMean } from '../model/suggest.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { type LocalService, localService } from './local-service.ts';
import { refuseWhileUnfinished } from './unfinished.ts';

export interface LocalDeployOptions {
  /** Version, e.g. `v2.14.3`. */
  tag: string;
  /** Builds the image `<service>:<tag>` from this folder first. */
  from?: string;
  /** Program and arguments of an image that is built; needed with `from`. */
  entrypoint?: string[];
  /** So many instances beside those that serve, instead of in their place. */
  canary?: number;
}

/** What `local deploy` tells. */
export interface LocalDeploy {
  target: string;
  release: ReleaseReference;
  /** Instances of it that serve. */
  instances: number;
  canary: boolean;
  tookMs: number;
}

/**
 * Deploys an image of the image store without losing a request, and records what it was deployed with. Where it does
 * not come to serve, what served before serves on.
 * @throws RollbackError of exit 2 where nothing was begun; else why it failed, with what runs now
 */
export async function localDeploy(
  context: CommandContext,
  options: LocalDeployOptions,
): Promise<CommandOutcome> {
  const { adapters, clock, serviceName, stop, emit, holder } = context;
  const { store, platform } = adapters;
  const begun = clock.monotonic();
  const local = localService(context);
  const { dir, file, configuration } = local;
  const client = supervisorClient(dir);
  await refuseWhileUnfinished(store, serviceName);
  await platform.facts(stop.immediate);
  const described = await describeRelease(context, local, options);
  const lease = await store.acquireLease(serviceName, holder, stop.immediate);
  const heartbeat = startHeartbeat({ store, lease, clock });
  try {
    await refuseWhileUnfinished(store, serviceName);
    const facts = await platform.facts(stop.immediate);
    if (options.canary !== undefined && (facts.current === undefined || facts.canary !== undefined)) {
      throw noCanary(serviceName, facts.canary);
    }
    const signal = AbortSignal.any([stop.immediate, heartbeat.lost]);
    await tryAgain(signal, () => client.configure(file, signal));
    const rollOut: RollOut = {
      client,
      service: serviceName,
      epoch: lease.epoch,
      drainTimeoutMs: file.drainTimeoutMs,
      signal,
      tell: (message) => emit({ type: 'notice', message }),
    };
    const id = (await tryAgain(signal, () => client.state(signal))).nextRelease;
    const release: Release = { ...described, id, evidence: emptyEvidence() };
    await tryAgain(signal, () => client.register({ epoch: lease.epoch, release }, signal));
    const count = options.canary ?? configuration.platform.instances;
    try {
      if (options.canary === undefined) await replaceInstances(rollOut, release, count);
      else await addCanary(rollOut, release, canarySlots(file.desired, count));
    } catch (error) {
      if (!(error instanceof RollbackError)) throw error;
      const now = await platform.facts(stop.immediate);
      const before = now.instances.some(serves) ? 'What served before serves on: ' : '';
      const production = `${before}${describeProduction(now)}`;
      throw error.with({ production, fix: error.fix, exit: EXIT.failed });
    }
    const json: LocalDeploy = {
      target: `local/${serviceName}`,
      release: referenceTo(release),
      instances: count,
      canary: options.canary !== undefined,
      tookMs: Math.round(clock.monotonic() - begun),
    };
    return { exit: EXIT.done, json, next: 'rollback-deploy-auto status' };
  } finally {
    heartbeat.stop();
    await store.release(lease);
  }
}

/** Everything that is recorded of the release, but for its id. Builds its image where that is asked for. */
async function describeRelease(
  context: CommandContext,
  { configuration, statePath }: LocalService,
  options: LocalDeployOptions,
): Promise<Omit<Release, 'id' | 'evidence'>> {
  const { serviceName, configFolder, adapters, clock, holder, stop } = context;
  const reference = `${serviceName}:${options.tag}`;
  const images = resolve(configFolder, configuration.registry.path);
  const key = await fingerprintKey(statePath);
  const snapshot = await snapshotConfiguration(configuration.configuration, configFolder, key, process.env);
  const { createLayout, openLayout } = await import('../oci/image-layout.ts');
  if (options.from !== undefined) {
    const { buildImage } = await import('../oci/build-image.ts');
    const layers = [{ folder: resolve(options.from) }];
    const entrypoint = entrypointOf(options);
    await buildImage(await createLayout(images), { layers, reference, entrypoint });
  }
  const layout = await openLayout(images);
  const digest = await layout.resolve(reference);
  if (digest === undefined) {
    const known = (await layout.references()).map((image) => image.reference);
    throw imageNotFound(reference, known, configuration.registry.path);
  }
  const release = {
    version: options.tag,
    image: { reference, digest },
    deployedAt: new Date(clock.now()).toISOString(),
    deployedBy: holder.user,
    configuration: snapshot,
  };
  const { database } = configuration;
  if (!database || !adapters.migrations || database.migrations.from === 'git')
    return { ...release, migrations: undefined };
  const { readImageFolder } = await import('../oci/read-image-folder.ts');
  const files = await readImageFolder(layout, digest, database.migrations.path, stop.immediate);
  // An image without the folder may keep its migrations elsewhere: that is not the same as having none.
  return { ...release, migrations: files && adapters.migrations.parse(files) };
}

function canarySlots(desired: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => desired + 1 + i);
}

function entrypointOf({ entrypoint }: LocalDeployOptions): string[] {
  if (entrypoint !== undefined && entrypoint.length > 0) return entrypoint;
  throw new RollbackError({
    code: 'NO_ENTRYPOINT',
    summary: 'An image that is built must be told what to run',
    fix: 'Say it, e.g.: --entrypoint "node server.mjs"',
    exit: EXIT.usage,
  });
}

function imageNotFound(reference: string, known: string[], path: string): RollbackError {
  return new RollbackError({
    code: 'IMAGE_NOT_FOUND',
    summary: `There is no image ${reference}${didYouMean(reference, known)}`,
    detail: `${path} has: ${known.join(', ') || 'none'}.`,
    fix: `Build it from a folder: rollback-deploy-auto local deploy ${reference.split(':').at(-1)} --from FOLDER --entrypoint "node server.mjs"`,
    exit: EXIT.usage,
  });
}

function noCanary(service: string, canary: string | undefined): RollbackError {
  return new RollbackError({
    code: canary ? 'CANARY_IN_PROGRESS' : 'NOTHING_DEPLOYED',
    summary: canary ? `A canary of ${service} is in progress` : `Nothing of ${service} is deployed yet`,
    detail: canary ? `Release ${canary} is it.` : 'A canary needs a release that serves beside it.',
    fix: canary
      ? 'Remove it first: rollback-deploy-auto --strategy canary --version previous'
      : 'Deploy without --canary first.',
    exit: EXIT.usage,
  });
}
