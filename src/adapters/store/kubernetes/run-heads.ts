import { isNotFound, isPreconditionFailed } from '../../../kubernetes/api-error.ts';
import type { Cluster, PatchOperation } from '../../../kubernetes/cluster.ts';
import { KIND_LABEL, SERVICE_LABEL } from '../../../kubernetes/names.ts';
import { pathOf } from '../../../kubernetes/resource-paths.ts';
import { type ConfigMap, journalUnreadable, swapAnnotation } from './config-map.ts';
import type { Rows } from './journal-rows.ts';
import { HEADER_ANNOTATION, headName, labelValue, RUN_LABEL } from './object-names.ts';

/** What the open end of a journal says of the whole. */
export interface RunHeader {
  format: 1;
  service: string;
  run: string;
  /** The only epoch whose holder may append. */
  epoch: number;
  /** How many the journal has. */
  entries: number;
  /** What was moved out of the open end, oldest first: hash of the content (see `sealed-segments.ts`). */
  sealed: string[];
}

/** The open end of a run's journal: the one object that an append changes. */
export interface RunHead {
  header: RunHeader;
  /** The header as it is written; the condition of the next write. */
  text: string;
  /** The last entries, those that are not sealed. */
  rows: Rows;
  uid: string;
}

export interface RunHeads {
  /** Undefined where there is no such run. @throws RollbackError `JOURNAL_UNREADABLE` */
  load(runId: string): Promise<RunHead | undefined>;
  /** Of one service, or of all; by id of the run. @throws RollbackError `JOURNAL_UNREADABLE` */
  list(service?: string): Promise<RunHead[]>;
  create(header: RunHeader, rows: Rows): Promise<RunHead>;
  /** Writes on condition that the header still is that of `seen`: then nobody has appended or taken over since. */
  write(seen: RunHead, header: RunHeader, operations: PatchOperation[]): Promise<RunHead>;
  /** Removes a head that has just been created. */
  remove(head: RunHead): Promise<void>;
  /** From now on only the holder of `epoch` may append, or one with a higher epoch. Fine where there is no such run. */
  fence(runId: string, epoch: number): Promise<void>;
}

export function runHeads(cluster: Cluster, namespace: string): RunHeads {
  const pathTo = (runId: string) => pathOf('configmaps', namespace, headName(runId));
  const object = (header: RunHeader, rows: Rows) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: headName(header.run),
      labels: {
        [KIND_LABEL]: 'run',
        [SERVICE_LABEL]: labelValue(header.service),
        [RUN_LABEL]: labelValue(header.run),
      },
      annotations: { [HEADER_ANNOTATION]: JSON.stringify(header) },
    },
    data: rows,
  });

  const heads: RunHeads = {
    async load(runId) {
      try {
        return toHead(await cluster.get<ConfigMap>(pathTo(runId)));
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    async list(service) {
      const ofService = service === undefined ? '' : `,${SERVICE_LABEL}=${labelValue(service)}`;
      const query = { labelSelector: `${KIND_LABEL}=run${ofService}` };
      const { items } = await cluster.list<ConfigMap>(pathOf('configmaps', namespace), { query });
      return items.map(toHead).sort((a, b) => (a.header.run < b.header.run ? -1 : 1));
    },
    async create(header, rows) {
      return toHead(await cluster.create<ConfigMap>(pathOf('configmaps', namespace), object(header, rows)));
    },
    async write(seen, header, operations) {
      const swap = swapAnnotation(HEADER_ANNOTATION, seen.text, JSON.stringify(header));
      return toHead(await cluster.patch<ConfigMap>(pathTo(header.run), [...swap, ...operations]));
    },
    async remove({ header, uid }) {
      await cluster.delete(pathTo(header.run), { preconditions: { uid } });
    },
    async fence(runId, epoch) {
      for (let tries = 1; ; tries++) {
        const head = await heads.load(runId);
        if (head === undefined || head.header.epoch >= epoch) return;
        try {
          await heads.write(head, { ...head.header, epoch }, []);
          return;
        } catch (error) {
          if (isNotFound(error)) return;
          // The one who is fenced off may append until it is done.
          if (!isPreconditionFailed(error) || tries === FENCE_TRIES) throw error;
        }
      }
    },
  };
  return heads;
}

const FENCE_TRIES = 20;

function toHead({ metadata, data = {} }: ConfigMap): RunHead {
  const text = metadata.annotations?.[HEADER_ANNOTATION] ?? '';
  let header: RunHeader;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw journalUnreadable(
      `ConfigMap ${metadata.name}: its annotation ${HEADER_ANNOTATION} is damaged.`,
      error,
    );
  }
  if (header?.format !== 1) {
    throw journalUnreadable(
      `ConfigMap ${metadata.name} has format ${header?.format}; this version reads format 1.`,
    );
  }
  return { header, text, rows: data, uid: metadata.uid };
}
