import { Writable } from 'node:stream';
import type { Exec } from '@kubernetes/client-node';
import { ApiError } from './api-error.ts';
import type { ExecResult } from './cluster.ts';

/** Runs a command in a container and waits for its end. @throws ApiError where it could not be started */
export function execInPod(
  exec: Exec,
  pod: { namespace: string; name: string; container: string },
  command: string[],
  signal: AbortSignal,
): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const stdout = sink();
    const stderr = sink();
    const what = `run a command in pod ${pod.name}`;
    const failed = (cause: unknown) => {
      const message =
        cause instanceof Error ? cause.message : ((cause as { message?: string })?.message ?? String(cause));
      const status = Number(/Unexpected server response: (\d+)/.exec(message)?.[1] ?? 0);
      reject(new ApiError({ what, status, answer: { message } }));
    };
    exec
      .exec(
        pod.namespace,
        pod.name,
        pod.container,
        command,
        stdout.stream,
        stderr.stream,
        null,
        false,
        (status) => {
          if (status.status === 'Success')
            return resolve({ exitCode: 0, stdout: stdout.text(), stderr: stderr.text() });
          const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
          if (code === undefined) return failed(status);
          resolve({ exitCode: Number(code), stdout: stdout.text(), stderr: stderr.text() });
        },
      )
      .then((socket) => {
        const leave = () => {
          socket.close();
          reject(signal.reason);
        };
        if (signal.aborted) return leave();
        signal.addEventListener('abort', leave, { once: true });
        socket.onerror = (event) => failed(event.error ?? event);
        socket.onclose = () => {
          signal.removeEventListener('abort', leave);
          // Settled already where the command's own status came first.
          failed(new Error('the connection was closed before the command ended'));
        };
      }, failed);
  });
}

function sink(): { stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}
