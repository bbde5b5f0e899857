import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';

/** `<DIR>/service.json`: what the supervisor must know of the service. Never a secret. */
export interface ServiceFile {
  /** Name of the service, e.g. `shop`. */
  service: string;
  /** Where the proxy listens. */
  host: string;
  port: number;
  /** Instances that shall serve. */
  desired: number;
  health: { path: string; status: number; timeoutMs: number };
  drainTimeoutMs: number;
  startTimeoutMs: number;
  stopTimeoutMs: number;
  /** Folder of the configuration file, absolute; relative `file:` secrets are meant from here. */
  configFolder: string;
  /** Folder in the OCI image layout format, absolute. */
  images: string;
}

/** The part of a service's configuration that the local platform works by. Times are seconds. */
export interface LocalConfiguration {
  platform: {
    kind: string;
    instances: number;
    port: number;
    host: string;
    drainTimeout: number;
    startTimeout: number;
    stopTimeout: number;
    keepWarm: number;
  };
  registry: { kind: string; path: string };
  health: { path: string; status: number; timeout: number };
}

/** What the supervisor is told of the configuration. @param resolvePath makes a path of the configuration absolute */
export function serviceFile(
  service: string,
  { platform, registry, health }: LocalConfiguration,
  configFolder: string,
  resolvePath: (path: string) => string,
): ServiceFile {
  return {
    service,
    host: platform.host,
    port: platform.port,
    desired: platform.instances,
    health: { path: health.path, status: health.status, timeoutMs: health.timeout * 1000 },
    drainTimeoutMs: platform.drainTimeout * 1000,
    startTimeoutMs: platform.startTimeout * 1000,
    stopTimeoutMs: platform.stopTimeout * 1000,
    configFolder,
    images: resolvePath(registry.path),
  };
}

export async function readServiceFile(dir: string): Promise<ServiceFile> {
  return JSON.parse(await readFile(join(dir, 'service.json'), 'utf8'));
}

/** Writes `service.json`, and `proxy.json` for the proxy. */
export async function writeServiceFile(dir: string, file: ServiceFile): Promise<void> {
  const { host, port } = file;
  await writeFileAtomic(join(dir, 'proxy.json'), `${JSON.stringify({ host, port })}\n`, { mode: 0o600 });
  await writeFileAtomic(join(dir, 'service.json'), `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
}
