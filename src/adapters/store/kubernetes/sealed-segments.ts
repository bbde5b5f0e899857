import { ApiError } from '../../../kubernetes/api-error.ts';
import type { Cluster } from '../../../kubernetes/cluster.ts';
import { KIND_LABEL, SERVICE_LABEL } from '../../../kubernetes/names.ts';
import { pathOf } from '../../../kubernetes/resource-paths.ts';
import { type ConfigMap, journalUnreadable } from './config-map.ts';
import type { Rows } from './journal-rows.ts';
import { hashOf, labelValue, RUN_LABEL, sealedName } from './object-names.ts';

/** What was sealed of a run. @throws RollbackError `JOURNAL_UNREADABLE` naming what is missing or was changed */
export interface Sealed {
  segment(hash: string): Rows;
  part(hash: string): Buffer;
}

/**
 * Immutable ConfigMaps, each named by the hash of its content: who writes the same again finds it there, and what a
 * client left that died before it referred to it harms nobody.
 */
export interface SealedSegments {
  /** @returns the hash under which it is found again */
  sealRows(run: RunOf, rows: Rows): Promise<string>;
  /** @returns the hash under which it is found again */
  sealPart(run: RunOf, bytes: Buffer): Promise<string>;
  /** All of a run, in one request. */
  load(runId: string): Promise<Sealed>;
}

interface RunOf {
  service: string;
  run: string;
}

const PART = 'part.gz';

export function sealedSegments(cluster: Cluster, namespace: string): SealedSegments {
  const collection = pathOf('configmaps', namespace);

  async function seal({ service, run }: RunOf, hash: string, content: Partial<ConfigMap>): Promise<string> {
    const labels = {
      [KIND_LABEL]: 'journal',
      [SERVICE_LABEL]: labelValue(service),
      [RUN_LABEL]: labelValue(run),
    };
    const metadata = { name: sealedName(run, hash), labels };
    try {
      await cluster.create(collection, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata,
        immutable: true,
        ...content,
      });
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
    }
    return hash;
  }

  return {
    sealRows: (run, rows) => seal(run, hashOfRows(rows), { data: rows }),
    sealPart: (run, bytes) =>
      seal(run, hashOf(bytes, DIGITS), { binaryData: { [PART]: bytes.toString('base64') } }),
    async load(runId) {
      const query = { labelSelector: `${KIND_LABEL}=journal,${RUN_LABEL}=${labelValue(runId)}` };
      const { items } = await cluster.list<ConfigMap>(collection, { query });
      const found = new Map(items.map((item) => [item.metadata.name, item]));
      const get = (hash: string) => {
        const name = sealedName(runId, hash);
        const item = found.get(name);
        if (item === undefined) throw journalUnreadable(`ConfigMap ${namespace}/${name} is missing.`);
        return item;
      };
      const check = (hash: string, its: string) => {
        if (its === hash) return;
        throw journalUnreadable(`ConfigMap ${namespace}/${sealedName(runId, hash)} was changed.`);
      };
      return {
        segment(hash) {
          const { data = {} } = get(hash);
          check(hash, hashOfRows(data));
          return data;
        },
        part(hash) {
          const bytes = Buffer.from(get(hash).binaryData?.[PART] ?? '', 'base64');
          check(hash, hashOf(bytes, DIGITS));
          return bytes;
        },
      };
    },
  };
}

const DIGITS = 32;

function hashOfRows(rows: Rows): string {
  return hashOf(JSON.stringify(Object.entries(rows).sort(([a], [b]) => (a < b ? -1 : 1))), DIGITS);
}
