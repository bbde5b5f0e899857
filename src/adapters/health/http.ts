import { request, STATUS_CODES } from 'node:http';
import type { HealthProbe, HealthResult } from './health.ts';

export interface HttpHealthOptions {
  configuration: {
    platform: { host: string; port: number };
    /** `timeout` in seconds. */
    health: { path: string; status: number; timeout: number };
  };
}

/** Asks over HTTP, where the users' requests come in. */
export function httpHealth({ configuration }: HttpHealthOptions): HealthProbe {
  const { platform, health } = configuration;
  // A server that listens on all addresses is asked on this machine's own.
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[platform.host] ?? platform.host;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${platform.port}${health.path}`;
  return {
    name: `GET ${url}`,
    async probe(signal) {
      const begun = performance.now();
      const late = AbortSignal.timeout(health.timeout * 1000);
      const result = await ask(url, health.status, AbortSignal.any([signal, late]));
      signal.throwIfAborted();
      const says = late.aborted && !result.ok ? `no answer within ${health.timeout} s` : result.says;
      return { ...result, says, tookMs: Math.round(performance.now() - begun) };
    },
  };
}

function ask(url: string, expected: number, signal: AbortSignal): Promise<Omit<HealthResult, 'tookMs'>> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException) =>
      resolve({ ok: false, status: undefined, says: error.message || error.code || 'no answer' });
    const headers = { 'user-agent': 'rollback-deploy-auto/probe' };
    const asked = request(url, { agent: false, signal, headers }, (response) => {
      const { statusCode: status = 0 } = response;
      response.on('error', failed);
      response.on('end', () => {
        const says = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
        resolve({ ok: status === expected, status, says });
      });
      response.resume();
    });
    asked.on('error', failed);
    asked.end();
  });
}
