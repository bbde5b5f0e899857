import { open, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { detectFormats } from '../adapters/migrations/detect.ts';
import { RollbackError } from '../model/error.ts';
import type { MigrationFormat } from '../model/migration-formats.ts';
import { readFolder, USUAL_FOLDERS } from './migration-files.ts';

/** What a folder tells about the service in it; undefined and empty where it says nothing. */
export interface Survey {
  /** A valid service name. */
  name: { value: string; from: string };
  port: { value: number; from: string } | undefined;
  healthPath: { value: string; from: string } | undefined;
  /** Folder in the OCI image layout format. */
  images: string | undefined;
  /** SQLite database files. */
  databases: string[];
  /** Folder of migration files, and the formats that they may be of: one where that is clear. */
  migrations: { folder: string; formats: MigrationFormat[] } | undefined;
  /** Names, in `.env`, that look like secrets. Never their values. */
  secretNames: string[];
  /** Files that look like configuration. */
  configurationFiles: string[];
}

const SKIPPED = new Set(['node_modules', '.git', '.rollback', 'dist', 'build']);
const SQLITE_MAGIC = 'SQLite format 3\0';

/** Looks at `folder` and changes nothing. */
export async function survey(folder: string): Promise<Survey> {
  const environment = await textOf(join(folder, '.env'));
  const dockerfile = await textOf(join(folder, 'Dockerfile'));
  const files = await filesBelow(folder, '', 2);
  return {
    name: await nameOf(folder),
    port: portOf(environment, dockerfile),
    healthPath: healthPathOf(dockerfile),
    images: await imagesIn(folder),
    databases: await databasesAmong(folder, files),
    migrations: await migrationsIn(folder),
    secretNames: secretNamesIn(environment),
    configurationFiles: files.filter((file) => /^config\/[^/]+\.(json|ya?ml|toml|ini)$/.test(file)).sort(),
  };
}

async function nameOf(folder: string): Promise<Survey['name']> {
  const declared = nameIn(await textOf(join(folder, 'package.json')));
  const slug = (text: string) =>
    text
      .toLowerCase()
      .replace(/^@[^/]*\//, '')
      .replace(/[^a-z0-9]+/g, '-')
      .slice(0, 63)
      .replace(/^-+|-+$/g, '');
  if (declared && slug(declared) !== '') return { value: slug(declared), from: 'package.json' };
  const fromFolder = slug(basename(folder));
  return fromFolder === ''
    ? { value: 'service', from: 'a guess' }
    : { value: fromFolder, from: "the folder's name" };
}

function nameIn(packageJson: string | undefined): string | undefined {
  if (packageJson === undefined) return undefined;
  try {
    const { name } = JSON.parse(packageJson) as { name?: unknown };
    return typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
}

function portOf(environment: string | undefined, dockerfile: string | undefined): Survey['port'] {
  const valid = (text: string | undefined) => {
    const port = Number(text);
    return Number.isInteger(port) && port > 0 && port < 65536 ? port : undefined;
  };
  const set = valid(/^\s*(?:export\s+)?PORT\s*=\s*["']?(\d+)/m.exec(environment ?? '')?.[1]);
  if (set !== undefined) return { value: set, from: 'PORT in .env' };
  const exposed = valid(/^\s*EXPOSE\s+(\d+)/im.exec(dockerfile ?? '')?.[1]);
  return exposed === undefined ? undefined : { value: exposed, from: 'EXPOSE in Dockerfile' };
}

function healthPathOf(dockerfile: string | undefined): Survey['healthPath'] {
  const check = /^\s*HEALTHCHECK\b(?:.*\\\n)*.*$/im.exec(dockerfile ?? '')?.[0];
  const path = /https?:\/\/[^/\s"']+(\/[\w./-]*)/.exec(check ?? '')?.[1];
  return path === undefined ? undefined : { value: path, from: 'HEALTHCHECK in Dockerfile' };
}

/** The folder with the marker file of the OCI image layout specification. */
async function imagesIn(folder: string): Promise<string | undefined> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory() && (await textOf(join(folder, entry.name, 'oci-layout'))) !== undefined)
      return entry.name;
  }
  return undefined;
}

async function databasesAmong(folder: string, files: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const file of files.filter((name) => /\.(db|sqlite3?)$/i.test(name)).sort()) {
    const start = await startOf(join(folder, file), SQLITE_MAGIC.length);
    if (start === '' || start === SQLITE_MAGIC) found.push(file);
  }
  return found;
}

async function startOf(path: string, bytes: number): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined);
  if (!file) return undefined;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function secretNamesIn(environment: string | undefined): string[] {
  const names = [...(environment ?? '').matchAll(/^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/gm)].map(
    (match) => match[1] as string,
  );
  return [...new Set(names)].filter((name) => /(PASS|SECRET|TOKEN|KEY|CREDENTIAL)/i.test(name));
}

/** The first of the usual folders. */
async function migrationsIn(folder: string): Promise<Survey['migrations']> {
  for (const candidate of USUAL_FOLDERS) {
    const found = await stat(join(folder, candidate)).catch(() => undefined);
    if (!found?.isDirectory()) continue;
    const files = await readFolder(folder, candidate).catch((error) => {
      // What is no text tells no format, and the folder is there all the same.
      if (error instanceof RollbackError) return [];
      throw error;
    });
    return { folder: candidate, formats: detectFormats(files) };
  }
  return undefined;
}

/** Paths relative to `folder`, `/`-separated, at most `depth` folders down. */
async function filesBelow(folder: string, prefix: string, depth: number): Promise<string[]> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch(() => []);
  const found: string[] = [];
  for (const entry of entries) {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isFile()) found.push(path);
    else if (entry.isDirectory() && depth > 0 && !SKIPPED.has(entry.name)) {
      found.push(...(await filesBelow(folder, path, depth - 1)));
    }
  }
  return found;
}

/** undefined where there is no such file, or it can't be read: then it has nothing to say here. */
async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
