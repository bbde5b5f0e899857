import { lstat, mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, relative, sep } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { RollbackError } from '../../../model/error.ts';
import type { ConfigurationFile } from '../../../model/release.ts';
import type { ReleaseRecord } from './release-files.ts';
import { releaseFolder } from './release-files.ts';

/** What an image says of how it is run (OCI image spec, "Image Configuration", `config`). */
export interface ImageConfig {
  Entrypoint?: string[] | null;
  Cmd?: string[] | null;
  Env?: string[] | null;
  WorkingDir?: string;
}

/** Unpacks the image of a digest into an empty folder, every digest verified. */
export type UnpackImage = (digest: string, into: string, signal: AbortSignal) => Promise<ImageConfig>;

/** A release unpacked on disk. */
export interface Rootfs {
  /** Absolute. */
  path: string;
  config: ImageConfig;
}

/**
 * Unpacks the release's image anew and puts the configuration files of its snapshot in place. Finished or not at all:
 * it is made beside and renamed.
 * @throws RollbackError `UNPACK_FAILED`, `CONFIGURATION_ESCAPES`
 */
export async function makeRootfs(
  dir: string,
  release: ReleaseRecord,
  unpack: UnpackImage,
  signal: AbortSignal,
): Promise<Rootfs> {
  const folder = releaseFolder(dir, release.id);
  const making = join(folder, 'rootfs.new');
  const path = join(folder, 'rootfs');
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { recursive: true, mode: 0o700 });
  let config: ImageConfig;
  try {
    config = await unpack(release.image.digest, making, signal);
  } catch (error) {
    if (error instanceof RollbackError) throw error;
    throw new RollbackError({
      code: 'UNPACK_FAILED',
      summary: `Cannot unpack the image of ${release.version}`,
      detail: `${(error as Error).message}.`,
      fix: 'Put the image back into the image store, or choose another release: rollback-deploy-auto releases',
      cause: error,
    });
  }
  const workdir = below(making, config.WorkingDir ?? '/');
  await mkdir(workdir, { recursive: true });
  for (const file of release.configuration.files) await place(making, workdir, file);
  await rm(path, { recursive: true, force: true });
  await writeFileAtomic(join(folder, 'image.json'), `${JSON.stringify(config)}\n`);
  await rename(making, path);
  return { path, config };
}

/** The one that was made before; undefined where there is none. */
export async function readRootfs(dir: string, id: string): Promise<Rootfs | undefined> {
  const folder = releaseFolder(dir, id);
  try {
    const path = join(folder, 'rootfs');
    await lstat(path);
    return { path, config: JSON.parse(await readFile(join(folder, 'image.json'), 'utf8')) as ImageConfig };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Program, arguments and working folder of an instance. @throws RollbackError `NO_ENTRYPOINT` */
export function commandOf(rootfs: Rootfs, release: ReleaseRecord): { argv: string[]; cwd: string } {
  const { Entrypoint, Cmd, WorkingDir } = rootfs.config;
  const [program, ...args] = [...(Entrypoint ?? []), ...(Cmd ?? [])];
  if (program === undefined) {
    throw new RollbackError({
      code: 'NO_ENTRYPOINT',
      summary: `The image of ${release.version} does not say what to run`,
      detail: 'Its configuration has neither Entrypoint nor Cmd.',
      fix: 'Build the image with an entry point, e.g. ["node", "server.mjs"].',
    });
  }
  const cwd = below(rootfs.path, WorkingDir ?? '/');
  // The same Node.js that runs this; images of the local platform need not bring one.
  const resolved =
    program === 'node' ? process.execPath : isAbsolute(program) ? below(rootfs.path, program) : program;
  return { argv: [resolved, ...args], cwd };
}

/** A path of the image, below the unpacked root whatever it says. */
function below(root: string, path: string): string {
  return join(root, normalize(`/${path}`));
}

async function place(root: string, workdir: string, file: ConfigurationFile): Promise<void> {
  const path = join(workdir, file.path);
  const inside = (to: string) => {
    const way = relative(workdir, to);
    return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
  };
  if (!inside(path)) throw escapes(file.path);
  await mkdir(dirname(path), { recursive: true });
  // A link that the image brings must not lead the file elsewhere.
  const real = await realpath(dirname(path));
  const realRoot = await realpath(root);
  if (real !== realRoot && !real.startsWith(`${realRoot}${sep}`)) throw escapes(file.path);
  const draft = `${path}.rda-new`;
  await writeFile(draft, Buffer.from(file.content, 'base64'), { mode: file.mode, flag: 'wx' });
  await rename(draft, path);
}

function escapes(path: string): RollbackError {
  return new RollbackError({
    code: 'CONFIGURATION_ESCAPES',
    summary: `The configuration file ${path} would lie outside of the instance's folder`,
    fix: 'Name configuration files by paths below the working directory.',
  });
}
