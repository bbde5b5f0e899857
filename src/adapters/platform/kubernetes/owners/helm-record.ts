import { gunzipSync } from 'node:zlib';
import type { KubernetesObject } from '../../../../kubernetes/objects.ts';
import type { HelmRelease } from './owner.ts';

/** A Secret `sh.helm.release.v1.NAME.vN` (Helm documentation, "Storage backends"). */
export interface HelmSecret extends KubernetesObject {
  /** `release`: base64 of base64 of gzip of JSON. */
  data?: { release?: string };
}

/** The newest revision among the records of one release; undefined where there is none. */
export function newestRelease(secrets: HelmSecret[]): HelmRelease | undefined {
  const revisions = secrets.map((secret) => ({ secret, revision: revisionOf(secret) }));
  const newest = revisions.sort((a, b) => b.revision - a.revision)[0];
  if (!newest) return undefined;
  const { secret, revision } = newest;
  return { revision, status: secret.metadata.labels?.status ?? 'unknown', chart: chartOf(secret) };
}

function revisionOf({ metadata }: HelmSecret): number {
  return Number(metadata.labels?.version ?? /\.v(\d+)$/.exec(metadata.name)?.[1] ?? 0);
}

/** Name and version only: the rest of a record holds the release's values, which may be secret. */
function chartOf({ data }: HelmSecret): string | undefined {
  try {
    const inner = Buffer.from(Buffer.from(data?.release ?? '', 'base64').toString('latin1'), 'base64');
    const isZipped = inner[0] === 0x1f && inner[1] === 0x8b;
    const record = JSON.parse((isZipped ? gunzipSync(inner) : inner).toString('utf8')) as {
      chart?: { metadata?: { name?: string; version?: string } };
    };
    const { name, version } = record.chart?.metadata ?? {};
    return name === undefined ? undefined : `${name}-${version}`;
  } catch {
    // A record of another format: its labels have said what matters.
    return undefined;
  }
}
