import { posix } from 'node:path';
import type { Migration } from '../../../model/release.ts';
import { compareText, type FolderFile, unlessEmpty, unreadable } from '../files.ts';
import { type Change, changeOf } from './changes.ts';
import { type Changeset, changesets, isFormatted, versionOf } from './formatted-sql.ts';
import { isChangelog, type Node, readNodes } from './nodes.ts';

/** All changesets in the order in which Liquibase runs them. @throws RollbackError `MIGRATION_UNREADABLE` */
export function changesetsInOrder(files: readonly FolderFile[]): Changeset[] {
  const changelogs = new Map(files.filter(isChangelog).map((file) => [file, readNodes(file)]));
  const scripts = files.filter(isFormatted);
  const named = new Set([...changelogs].flatMap(([file, root]) => includedBy(file, root, files)));
  const seen = new Set<FolderFile>();
  const global = new Map<string, string>();
  const walk = (file: FolderFile): Changeset[] => {
    if (seen.has(file)) return [];
    seen.add(file);
    const root = changelogs.get(file);
    if (!root) return isFormatted(file) ? changesets(file) : [];
    const values = propertiesOf(root, global);
    return root.children.flatMap((node) =>
      node.name === 'changeSet'
        ? [changesetOf(node, root, file, files, values)]
        : included(file, node, files).flatMap(walk),
    );
  };
  const byPath = (a: FolderFile, b: FolderFile) => compareText(a.path, b.path);
  const roots = [...changelogs.keys()].filter((file) => !named.has(file)).sort(byPath);
  return [...roots, ...scripts.sort(byPath)].flatMap(walk);
}

function includedBy(file: FolderFile, root: Node, files: readonly FolderFile[]): FolderFile[] {
  return root.children.flatMap((node) => included(file, node, files));
}

/** The files that an entry stands for; none where it includes nothing. */
function included(from: FolderFile, node: Node, files: readonly FolderFile[]): FolderFile[] {
  const { attributes, line } = node;
  const at = (path: string) => {
    const bare = path.replace(/^(?:classpath:)?\.?\/?/, '');
    return attributes.relativeToChangelogFile === 'true' ? posix.join(posix.dirname(from.path), bare) : bare;
  };
  if (node.name === 'include') {
    const found = fileAt(at(attributes.file ?? ''), files);
    if (found) return [found];
    throw unreadable(
      'Liquibase',
      from.path,
      line - 1,
      `There is no file ${attributes.file} that it includes.`,
    );
  }
  if (node.name !== 'includeAll') return [];
  const folder = at(attributes.path ?? '').replace(/\/?$/, '/');
  return files
    .filter((file) => file !== from && (file.path.startsWith(folder) || file.path.includes(`/${folder}`)))
    .sort((a, b) => compareText(a.path, b.path));
}

/** A path begins where the search path does, which may be further in. */
function fileAt(path: string, files: readonly FolderFile[]): FolderFile | undefined {
  return files.find((file) => file.path === path) ?? files.find((file) => file.path.endsWith(`/${path}`));
}

/**
 * Values that are the same for every engine and context: those of this changelog, and those that came before. The first
 * one that is given stays.
 */
function propertiesOf(root: Node, global: Map<string, string>): ReadonlyMap<string, string> {
  const own = new Map<string, string>();
  for (const { name, attributes } of root.children) {
    if (name !== 'property' || attributes.dbms || attributes.context || attributes.name === undefined)
      continue;
    const values = attributes.global === 'false' ? own : global;
    if (!values.has(attributes.name)) values.set(attributes.name, attributes.value ?? '');
  }
  return new Map([...global, ...own]);
}

/** What a changeset has beside its changes. */
const ABOUT = new Set(['comment', 'preConditions', 'rollback', 'validCheckSum', 'modifySql']);

function changesetOf(
  node: Node,
  root: Node,
  file: FolderFile,
  files: readonly FolderFile[],
  values: ReadonlyMap<string, string>,
): Changeset {
  const { id, author } = node.attributes;
  if (!id || !author)
    throw unreadable('Liquibase', file.path, node.line - 1, 'A changeset needs an id and an author.');
  const read = (path: string, relative: boolean) =>
    fileAt(relative ? posix.join(posix.dirname(file.path), path) : path.replace(/^classpath:\/?/, ''), files)
      ?.content;
  const changes = node.children
    .filter(({ name }) => !ABOUT.has(name))
    .map((child) => ({ name: child.name, change: changeOf(child, read) }));
  const opaque = node.children.some(({ name }) => name === 'modifySql')
    ? 'modifySql'
    : changes.find(({ change }) => change === undefined)?.name;
  const fill = (sql: string) => sql.replace(/\$\{([^}]+)\}/g, (text, name) => values.get(name) ?? text);
  const known = changes.flatMap(({ change }) => change ?? []);
  const down = rollbackOf(node, known, read);
  const migration: Migration = {
    version: versionOf(node.attributes.logicalFilePath ?? logicalPathOf(root) ?? file.path, id, author),
    name: `${author}:${id}`,
    file: file.path,
    ...(opaque === undefined
      ? { up: fill(script(known.flatMap(({ up }) => up))) }
      : { up: '', opaque: `It has a change <${opaque}>, whose SQL is not known here.` }),
    down: down && unlessEmpty(fill(down)),
    ...(node.attributes.runInTransaction === 'false' ? { transaction: false } : {}),
    ...(node.attributes.runOnChange === 'true' || node.attributes.runAlways === 'true'
      ? { repeatable: true }
      : {}),
  };
  return { id, author, migration, undoneBy: undoneBy(node) };
}

/** In YAML and JSON an entry of its own. */
function logicalPathOf({ attributes, children }: Node): string | undefined {
  return attributes.logicalFilePath ?? children.find(({ name }) => name === 'logicalFilePath')?.text;
}

function undoneBy(node: Node): Changeset['undoneBy'] {
  const rollback = node.children.find(({ name }) => name === 'rollback');
  const { changeSetId, changeSetAuthor } = rollback?.attributes ?? {};
  return changeSetId === undefined ? undefined : { id: changeSetId, author: changeSetAuthor };
}

/** As it is written, else what Liquibase makes of changes that it can take back itself. */
function rollbackOf(
  node: Node,
  changes: readonly Change[],
  read: (path: string, relative: boolean) => string | undefined,
): string | undefined {
  const written = node.children.filter(({ name }) => name === 'rollback');
  if (written.length === 0) {
    if (changes.some(({ down }) => down === undefined)) return undefined;
    return script(changes.toReversed().flatMap(({ down }) => down ?? []));
  }
  const statements = written.flatMap(({ children, text, textLine }) => [
    ...(text.trim() === '' ? [] : [{ line: textLine, sql: text }]),
    ...children.flatMap((child) => changeOf(child, read)?.up ?? []),
  ]);
  const unknown = written.some(({ children }) => children.some((child) => !changeOf(child, read)));
  return unknown ? undefined : script(statements);
}

/** The statements on the lines of the changelog that they come from, as far as what is before them leaves room. */
function script(statements: readonly { line: number; sql: string }[]): string {
  let text = '';
  for (const { line, sql } of statements) {
    const at = text.split('\n').length;
    text += '\n'.repeat(Math.max(text === '' ? 0 : 1, line - at));
    text += /;\s*$/.test(sql) ? sql : `${sql};`;
  }
  return text;
}
