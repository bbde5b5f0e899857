import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A password in all the forms in which it may be written down. */
function formsOf(password: string): string[] {
  return [
    password,
    encodeURIComponent(password),
    encodeURI(password),
    // In JSON, and in JSON in JSON.
    JSON.stringify(password).slice(1, -1),
    JSON.stringify(JSON.stringify(password)).slice(3, -3),
    // As `.pgpass`, option files and SQL have it.
    password.replace(/[\\:]/g, '\\$&'),
    password.replace(/[\\"]/g, '\\$&'),
    password.replaceAll("'", "''"),
    Buffer.from(password).toString('base64'),
    Buffer.from(password).toString('hex'),
  ];
}

/** Where one of these forms is, by the names of the texts. */
export function placesOf(password: string, texts: Iterable<readonly [name: string, text: string]>): string[] {
  const forms = formsOf(password);
  return [...texts].filter(([, text]) => forms.some((form) => text.includes(form))).map(([name]) => name);
}

/** All files of a folder and those below it, byte by byte. */
export async function textsIn(folder: string): Promise<[string, string][]> {
  const all = (await readdir(folder, { recursive: true })).map((file) => join(folder, file));
  const texts: [string, string][] = [];
  for (const file of all)
    if ((await stat(file).catch(() => undefined))?.isFile()) texts.push([file, await readFile(file, 'utf8')]);
  return texts;
}
