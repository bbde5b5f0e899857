import { readFile } from 'node:fs/promises';
import { ApiError } from '../../../kubernetes/api-error.ts';
import type { Cluster } from '../../../kubernetes/cluster.ts';
import { noSource, refused, unreachable } from './errors.ts';

type Parameters = Record<string, string | number>;

/** The HTTP API of one Prometheus, or of what speaks like it (Prometheus, "HTTP API"). */
export interface PrometheusApi {
  /** E.g. `Prometheus at prometheus.example.com:9090`. */
  readonly name: string;
  /**
   * The `data` of an answer of `/api/v1/<path>`.
   * @throws RollbackError `METRICS_UNREACHABLE`, `METRICS_REFUSED`, `METRICS_NO_SOURCE`
   */
  get<T>(path: string, parameters: Parameters, signal: AbortSignal): Promise<T>;
}

interface Answer {
  status?: string;
  data?: unknown;
  error?: string;
}

/** Longest wait for an answer, ms. */
const ANSWER_MS = 10_000;

/** @param tokenFile read for each request, since such tokens are renewed */
export function prometheusAt(url: string, tokenFile: string | undefined): PrometheusApi {
  const base = new URL(url);
  const login = base.username && `${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}`;
  base.username = '';
  base.password = '';
  const name = `Prometheus at ${base.host}`;
  return {
    name,
    async get<T>(path: string, parameters: Parameters, signal: AbortSignal): Promise<T> {
      const asked = new URL(`${base.href.replace(/\/*$/, '')}/api/v1/${path}`);
      for (const [key, value] of Object.entries(parameters)) asked.searchParams.set(key, String(value));
      const authorization = await authorizationOf(name, tokenFile, login);
      const deadline = AbortSignal.timeout(ANSWER_MS);
      let response: Response;
      let text: string;
      try {
        response = await fetch(asked, {
          headers: { accept: 'application/json', ...(authorization ? { authorization } : {}) },
          signal: AbortSignal.any([signal, deadline]),
        });
        text = await response.text();
      } catch (error) {
        signal.throwIfAborted();
        if (deadline.aborted)
          throw unreachable(name, `It gave no answer within ${ANSWER_MS / 1000} s.`, error);
        const { cause, message } = error as Error;
        const { message: why, code } = (cause ?? {}) as NodeJS.ErrnoException;
        throw unreachable(name, `${base.host} does not answer: ${why || code || message}.`, error);
      }
      const answer = parse(text);
      if (answer?.status === 'success') return answer.data as T;
      const { status } = response;
      if (status === 401 || status === 403) {
        const fix = 'Set metrics.tokenFile in rollback.yaml to a file with a token that may read it.';
        throw refused(
          name,
          `It answered HTTP ${status}: ${tokenFile ? 'it does not take the token' : 'it wants a login'}.`,
          fix,
        );
      }
      throw asError(name, status, answer);
    },
  };
}

/** Through the API server, so that it works from outside of the cluster too (`get` on `services/proxy`). */
export function prometheusBehind(
  cluster: Cluster,
  { namespace, service, port }: { namespace: string; service: string; port: string },
): PrometheusApi {
  const name = `Prometheus in service ${namespace}/${service.replace(/^https:/, '')}`;
  const base = `/api/v1/namespaces/${namespace}/services/${service}:${port}/proxy/api/v1`;
  return {
    name,
    async get<T>(path: string, query: Parameters, signal: AbortSignal): Promise<T> {
      let answer: Answer;
      try {
        answer = await cluster.get<Answer>(`${base}/${path}`, { query, signal });
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof SyntaxError) throw unreachable(name, 'What it answers is not JSON.', error);
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 403) {
          throw noSource(
            `${name} may not be asked: ${error.detail}`,
            'Give the right to get services/proxy there, or set metrics.url in rollback.yaml.',
          );
        }
        if (error.status === 400 || error.status === 422)
          throw asError(name, error.status, { error: error.says });
        throw unreachable(name, error.detail ?? error.summary, error);
      }
      if (answer.status === 'success') return answer.data as T;
      throw asError(name, 200, answer);
    },
  };
}

async function authorizationOf(name: string, tokenFile: string | undefined, login: string) {
  if (tokenFile === undefined) return login ? `Basic ${Buffer.from(login).toString('base64')}` : undefined;
  try {
    return `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`;
  } catch (error) {
    const detail = `The file of its token can't be read: ${(error as Error).message}.`;
    throw refused(name, detail, 'Set metrics.tokenFile in rollback.yaml to a file that can be read.', error);
  }
}

function asError(name: string, status: number, answer: Answer | undefined) {
  const says = answer?.error ?? `HTTP ${status}`;
  if (status !== 400 && status !== 422) return unreachable(name, `It answered ${says}.`);
  const fix = 'Mend metrics.requests and metrics.latency in rollback.yaml: each is one PromQL expression.';
  return refused(name, `It answered: ${says}.`, fix);
}

function parse(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Answer) : undefined;
  } catch {
    return undefined;
  }
}
