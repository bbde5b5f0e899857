import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { type RequestOptions as HttpsOptions, request as httpsRequest } from 'node:https';
import { text as textOf } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import type { Exec } from '@kubernetes/client-node';
import { ApiError, type ApiStatus } from './api-error.ts';
import type { Cluster, ListOf, Query, RequestOptions, WatchEvent } from './cluster.ts';
import { execInPod } from './exec-in-pod.ts';
import { goJson } from './go-json.ts';
import { jsonLines } from './json-lines.ts';
import { FIELD_MANAGER } from './names.ts';

interface HttpClusterParts {
  server: string;
  context: string;
  namespace: string;
  authorize(): Promise<HttpsOptions>;
  executor(): Promise<Exec>;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Call {
  method: Method;
  path: string;
  query?: Query;
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal | undefined;
}

/** Longest wait for the first byte of an answer, ms. */
const ANSWER_MS = 15_000;
/** Tries of a read, and of a write that the server says it did not look at. */
const TRIES = 4;
const PAGE = 500;

/** The API server over HTTP. */
export function httpCluster(parts: HttpClusterParts): Cluster {
  let requests = 0;

  async function send(call: Call): Promise<IncomingMessage> {
    const url = new URL(parts.server + call.path);
    for (const [key, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const login = await parts.authorize();
    const body = call.body === undefined ? undefined : goJson(call.body);
    requests++;
    return new Promise((resolve, reject) => {
      const asked = (url.protocol === 'http:' ? httpRequest : httpsRequest)(url, {
        ...login,
        method: call.method,
        signal: call.signal,
        headers: {
          ...(login.headers as Record<string, string>),
          accept: 'application/json',
          'user-agent': FIELD_MANAGER,
          ...(body === undefined
            ? {}
            : {
                'content-type': call.contentType ?? 'application/json',
                'content-length': Buffer.byteLength(body),
              }),
        },
      });
      const late = setTimeout(
        () => asked.destroy(new Error(`no answer within ${ANSWER_MS / 1000} s`)),
        ANSWER_MS,
      );
      asked.on('close', () => clearTimeout(late));
      asked.on('error', reject);
      asked.on('response', (response) => {
        clearTimeout(late);
        resolve(response);
      });
      asked.end(body);
    });
  }

  /** @throws ApiError for everything but success; the signal's reason where it was aborted. */
  async function open(call: Call): Promise<IncomingMessage> {
    for (let tries = 1; ; tries++) {
      let error: ApiError;
      let pauseMs = 100 * 3 ** (tries - 1);
      try {
        const response = await send(call);
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) return response;
        const answer = statusOf(await textOf(response), status);
        error = new ApiError({ what: doing(call), status, answer });
        const after = Number(response.headers['retry-after'] ?? answer.details?.retryAfterSeconds);
        if (status === 429 && after > 0) pauseMs = after * 1000;
      } catch (cause) {
        call.signal?.throwIfAborted();
        if (cause instanceof ApiError) throw cause;
        error = new ApiError({ what: doing(call), status: 0, cause: unreachable(parts.server, cause) });
      }
      // A write may have taken effect though its answer was lost: whoever wrote looks first.
      const again = error.retriable && (call.method === 'GET' || error.status === 429);
      if (!again || tries === TRIES) throw error;
      await wait(pauseMs, undefined, { signal: call.signal });
    }
  }

  async function json<T>(call: Call): Promise<T> {
    const response = await open(call);
    const text = await textOf(response).catch((cause) => {
      call.signal?.throwIfAborted();
      throw new ApiError({ what: doing(call), status: 0, cause });
    });
    return JSON.parse(text) as T;
  }

  const write = <T>(
    method: Method,
    path: string,
    body: unknown,
    options: RequestOptions,
    contentType?: string,
  ) =>
    json<T>({
      method,
      path,
      body,
      signal: options.signal,
      query: {
        ...options.query,
        ...(method === 'DELETE' ? {} : { fieldManager: FIELD_MANAGER }),
        ...(options.dryRun ? { dryRun: 'All' } : {}),
      },
      ...(contentType ? { contentType } : {}),
    });

  return {
    server: parts.server,
    context: parts.context,
    namespace: parts.namespace,
    get requests() {
      return requests;
    },
    get: (path, options = {}) => json({ method: 'GET', path, ...options }),
    async list<T>(path: string, { query, signal }: RequestOptions = {}) {
      const items: T[] = [];
      let resumeAt: string | undefined;
      for (;;) {
        const page = await json<ListOf<T>>({
          method: 'GET',
          path,
          query: { limit: PAGE, ...query, continue: resumeAt },
          signal,
        });
        items.push(...(page.items ?? []));
        resumeAt = page.metadata.continue || undefined;
        if (resumeAt === undefined) return { metadata: page.metadata, items };
      }
    },
    create: (path, body, options = {}) => write('POST', path, body, options),
    replace: (path, body, options = {}) => write('PUT', path, body, options),
    patch: (path, operations, options = {}) =>
      write('PATCH', path, operations, options, 'application/json-patch+json'),
    mergePatch: (path, body, options = {}) =>
      write('PATCH', path, body, options, 'application/merge-patch+json'),
    async delete(path, body, options = {}) {
      await write('DELETE', path, body, options);
    },
    async text(path, options = {}) {
      return textOf(await open({ method: 'GET', path, ...options }));
    },
    async answer(path, options = {}) {
      const call: Call = { method: 'GET', path, ...options };
      try {
        const response = await send(call);
        return { status: response.statusCode ?? 0, text: await textOf(response) };
      } catch (cause) {
        call.signal?.throwIfAborted();
        throw new ApiError({ what: doing(call), status: 0, cause: unreachable(parts.server, cause) });
      }
    },
    async *watch<T>(path: string, { query, signal }: RequestOptions & { query: Query }) {
      const call: Call = { method: 'GET', path, signal, query: { watch: true, ...query } };
      const response = await open(call);
      try {
        for await (const event of jsonLines<WatchEvent<T>>(response)) {
          if (event.type === 'ERROR') {
            const answer = event.object as ApiStatus;
            throw new ApiError({ what: `watch ${path}`, status: answer.code ?? 0, answer });
          }
          yield event;
        }
      } catch (cause) {
        signal?.throwIfAborted();
        throw cause instanceof ApiError ? cause : new ApiError({ what: `watch ${path}`, status: 0, cause });
      } finally {
        response.destroy();
      }
    },
    exec: async (pod, command, signal) => execInPod(await parts.executor(), pod, command, signal),
  };
}

function doing({ method, path }: Call): string {
  const verbs = { GET: 'give', POST: 'create', PUT: 'replace', PATCH: 'change', DELETE: 'delete' };
  return `${verbs[method]} ${path.replace(/^\/(api|apis)\/(.*?v\d\w*)\//, '')}`;
}

/** An answer of a proxy on the way is no Status; its text still says something. */
function statusOf(text: string, status: number): ApiStatus {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === 'object' && answer !== null) return answer as ApiStatus;
    return { code: status, message: String(answer) };
  } catch {
    return { code: status, message: text.trim().slice(0, 300) || `HTTP ${status}` };
  }
}

function unreachable(server: string, cause: unknown): Error {
  const { message, code } = cause as NodeJS.ErrnoException;
  return new Error(`${server} does not answer (${message || code})`, { cause });
}
