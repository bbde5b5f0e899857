import { gunzipSync, gzipSync } from 'node:zlib';
import { ApiError, isNotFound, isPreconditionFailed } from '../../../kubernetes/api-error.ts';
import type { Cluster } from '../../../kubernetes/cluster.ts';
import { KIND_LABEL } from '../../../kubernetes/names.ts';
import { pathOf } from '../../../kubernetes/resource-paths.ts';
import { documentChanged } from '../run-error.ts';
import type { StateStore } from '../store.ts';
import { type ConfigMap, stateUnreadable, swapAnnotation } from './config-map.ts';
import { DOCUMENT_ANNOTATION, DOCUMENT_LABEL, documentName, labelValue } from './object-names.ts';

/** What the annotation of a document says. */
interface DocumentHeader {
  format: 1;
  kind: string;
  name: string;
  version: number;
}

/** A document whose JSON is larger is kept compressed, bytes. */
const PLAIN_BYTES = 128 * 1024;
const PLAIN = 'value';
const COMPRESSED = 'value.gz';

/**
 * Documents, each one ConfigMap. It must fit the 1 MiB of a ConfigMap once compressed; the API server refuses a larger
 * one, and what was there before stays.
 */
export function clusterDocuments(
  cluster: Cluster,
  namespace: string,
): Pick<StateStore, 'get' | 'put' | 'names'> {
  const pathTo = (kind: string, name: string) => pathOf('configmaps', namespace, documentName(kind, name));

  return {
    async get<T>(kind: string, name: string) {
      try {
        const found = await cluster.get<ConfigMap>(pathTo(kind, name));
        return { value: contentsOf<T>(found), version: headerOf(found).version };
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },

    async put<T>(kind: string, name: string, value: T, expected: number) {
      const header = (version: number) =>
        JSON.stringify({ format: 1, kind, name, version } satisfies DocumentHeader);
      const content = contentOf(value);
      try {
        if (expected === 0) {
          await cluster.create(pathOf('configmaps', namespace), {
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: {
              name: documentName(kind, name),
              labels: { [KIND_LABEL]: 'document', [DOCUMENT_LABEL]: labelValue(kind) },
              annotations: { [DOCUMENT_ANNOTATION]: header(1) },
            },
            ...content,
          });
          return;
        }
        await cluster.patch(pathTo(kind, name), [
          ...swapAnnotation(DOCUMENT_ANNOTATION, header(expected), header(expected + 1)),
          { op: 'add', path: '/data', value: content.data },
          { op: 'add', path: '/binaryData', value: content.binaryData },
        ]);
      } catch (error) {
        const gone = expected > 0 && error instanceof ApiError && isNotFound(error);
        if (gone || isPreconditionFailed(error)) throw documentChanged(kind, name);
        throw error;
      }
    },

    async names(kind) {
      const query = { labelSelector: `${KIND_LABEL}=document,${DOCUMENT_LABEL}=${labelValue(kind)}` };
      const { items } = await cluster.list<ConfigMap>(pathOf('configmaps', namespace), { query });
      return items
        .map(headerOf)
        .filter((header) => header.kind === kind)
        .map(({ name }) => name)
        .sort();
    },
  };
}

function contentOf(value: unknown): Required<Pick<ConfigMap, 'data' | 'binaryData'>> {
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) <= PLAIN_BYTES) return { data: { [PLAIN]: text }, binaryData: {} };
  return { data: {}, binaryData: { [COMPRESSED]: gzipSync(text).toString('base64') } };
}

function contentsOf<T>({ metadata, data, binaryData }: ConfigMap): T {
  const compressed = binaryData?.[COMPRESSED];
  try {
    const text =
      compressed === undefined ? data?.[PLAIN] : gunzipSync(Buffer.from(compressed, 'base64')).toString();
    return JSON.parse(text ?? '') as T;
  } catch (error) {
    throw stateUnreadable(
      `ConfigMap ${metadata.namespace}/${metadata.name} is damaged: ${(error as Error).message}.`,
      error,
    );
  }
}

function headerOf({ metadata }: ConfigMap): DocumentHeader {
  const text = metadata.annotations?.[DOCUMENT_ANNOTATION] ?? '';
  try {
    const header = JSON.parse(text) as DocumentHeader;
    if (header.format === 1 && typeof header.version === 'number' && typeof header.name === 'string')
      return header;
  } catch {
    // Said below, with the object.
  }
  throw stateUnreadable(
    `The annotation ${DOCUMENT_ANNOTATION} of ConfigMap ${metadata.namespace}/${metadata.name} is not what this version writes.`,
  );
}
