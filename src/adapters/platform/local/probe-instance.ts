import { request, STATUS_CODES } from 'node:http';

export interface ProbeResult {
  ok: boolean;
  /** One line, e.g. `200 OK` or `ECONNREFUSED`. */
  says: string;
}

/** Asks an instance whether it is healthy; one try, never rejects. */
export function probeInstance(
  port: number,
  health: { path: string; status: number; timeoutMs: number },
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const asked = request({
      host: '127.0.0.1',
      port,
      path: health.path,
      agent: false,
      headers: { 'user-agent': 'rollback-deploy-auto/probe' },
    });
    const late = setTimeout(() => {
      asked.destroy();
      resolve({ ok: false, says: `no answer within ${health.timeoutMs / 1000} s` });
    }, health.timeoutMs);
    const settle = (result: ProbeResult) => {
      clearTimeout(late);
      resolve(result);
    };
    asked.on('response', (response) => {
      response.resume();
      const { statusCode = 0 } = response;
      const says = `${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trim();
      response.on('end', () => settle({ ok: statusCode === health.status, says }));
      response.on('error', (error) => settle({ ok: false, says: error.message }));
    });
    asked.on('error', (error: NodeJS.ErrnoException) =>
      settle({ ok: false, says: error.code ?? error.message }),
    );
    asked.end();
  });
}
