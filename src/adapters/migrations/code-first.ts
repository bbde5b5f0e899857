import type { MigrationFormat } from '../../model/migration-formats.ts';
import type { Migration } from '../../model/release.ts';
import { type FolderFile, filesIn, refuseDoubles } from './files.ts';
import type { MigrationFile, MigrationHistory, MigrationSource } from './migrations.ts';

interface CodeFirst {
  format: MigrationFormat;
  tool: string;
  /** What its migrations are written in, e.g. `Ruby`. */
  language: string;
  history: MigrationHistory;
  recognises(files: readonly MigrationFile[]): boolean;
  /** The migrations among the files, in the tool's order. */
  find(files: FolderFile[]): Pick<Migration, 'version' | 'name' | 'file' | 'after'>[];
}

/**
 * A tool whose migrations are code: which there are and which are applied is known, what they do is not, so that each is
 * judged to be unknown.
 */
export function codeFirst({ format, tool, language, history, recognises, find }: CodeFirst): MigrationSource {
  return {
    format,
    tool,
    history,
    recognises,
    parse(files, folder) {
      const found = find(filesIn(files, folder));
      const opaque = `It is written in ${language}, so that its SQL is not known.`;
      const migrations = found.map((migration) => ({ ...migration, up: '', down: undefined, opaque }));
      refuseDoubles(migrations, tool);
      return migrations;
    },
  };
}

/** Whether some file of that name has that text. */
export function anyFile(files: readonly MigrationFile[], name: RegExp, text: RegExp): boolean {
  return files.some(({ path, content }) => name.test(path) && text.test(content));
}

/** Each after those that it builds on, else in the order given. What is in a circle comes where it was given. */
export function inOrder<T extends Built>(nodes: readonly T[]): T[] {
  const left = new Map(nodes.map((node) => [node.version, node]));
  const ordered: T[] = [];
  const take = (node: T) => {
    if (!left.delete(node.version)) return;
    for (const version of node.after) {
      const before = left.get(version);
      if (before) take(before);
    }
    ordered.push(node);
  };
  for (const node of nodes) take(node);
  return ordered;
}

interface Built {
  version: string;
  after: string[];
}
