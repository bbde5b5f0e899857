import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { RollbackError } from '../../model/error.ts';
import {
  DOCKER_HUB,
  type DockerAuth,
  type Login,
  loginFrom,
  type RegistryCredentials,
} from '../../oci/registry-credentials.ts';

/** The parts of docker's config.json that hold logins (docker CLI, "docker login", "Credential stores"). */
interface DockerConfig {
  auths?: Record<string, DockerAuth>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
}

/**
 * The logins of `docker login`: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`, with its credential helpers.
 * The file is read anew each time. Throws `REGISTRY_CREDENTIALS_UNREADABLE` where the file or a helper fails.
 */
export function dockerCredentials(
  folder = process.env.DOCKER_CONFIG || join(homedir(), '.docker'),
): RegistryCredentials {
  const path = join(folder, 'config.json');
  return async (host, signal, repository) => {
    const config = await readConfig(path, signal);
    const helper = config.credHelpers?.[host] ?? config.credsStore;
    const kept = helper === undefined ? undefined : await askHelper(helper, host, signal);
    return kept ?? loginFrom(config.auths ?? {}, host, repository);
  };
}

async function readConfig(path: string, signal: AbortSignal): Promise<DockerConfig> {
  let content: string;
  try {
    content = await readFile(path, { encoding: 'utf8', signal });
  } catch (error) {
    signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw unreadable(`${path} can't be read: ${(error as Error).message}.`, error);
  }
  try {
    return JSON.parse(content) as DockerConfig;
  } catch {
    // What the parser says quotes the text, and the text holds passwords.
    throw unreadable(`${path} is not JSON.`);
  }
}

/** Host on stdin, login on stdout: a secret is in no argument and in no message. */
async function askHelper(name: string, host: string, signal: AbortSignal): Promise<Login | undefined> {
  if (!/^[\w.-]+$/.test(name)) throw unreadable(`"${name}" can't be the name of a credential helper.`);
  const program = `docker-credential-${name}`;
  const child = spawn(program, ['get'], { stdio: ['pipe', 'pipe', 'ignore'], signal });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // A helper that ends without reading is told by its exit code.
  child.stdin.on('error', () => {});
  child.stdin.end(`${host === DOCKER_HUB ? 'https://index.docker.io/v1/' : host}\n`);
  let answer: string;
  let code: number | null;
  try {
    [answer, code] = await Promise.all([text(child.stdout), ended]);
  } catch (error) {
    signal.throwIfAborted();
    throw unreadable(`${program} can't be run: ${(error as Error).message}.`, error);
  }
  if (code !== 0) {
    if (/credentials not found/i.test(answer)) return undefined;
    throw unreadable(`${program} get, asked for ${host}, exited ${code}.`);
  }
  try {
    const { Username, Secret } = JSON.parse(answer) as { Username?: string; Secret?: string };
    if (Username && Secret) return { username: Username, password: Secret };
  } catch {
    throw unreadable(`${program} get, asked for ${host}, gave no JSON.`);
  }
  return undefined;
}

function unreadable(detail: string, cause?: unknown): RollbackError {
  return new RollbackError({
    code: 'REGISTRY_CREDENTIALS_UNREADABLE',
    summary: "The logins of docker's configuration can't be read",
    detail,
    fix: 'Log in again with docker login, or set DOCKER_CONFIG to the folder of another config.json.',
    cause,
  });
}
