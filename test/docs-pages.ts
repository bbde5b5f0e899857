import { readdir, readFile } from 'node:fs/promises';
import { createProgram } from '../src/cli/program.ts';

export interface Fence {
  /** First line of its content, from 1. */
  line: number;
  /** The word after the three ticks; empty where there is none. */
  language: string;
  /** The path after `file=`. */
  file: string | undefined;
  /** What `<!-- docs-test: ... -->` right above it says. */
  before: string | undefined;
  text: string;
}

export interface Page {
  path: string;
  fences: Fence[];
  /** Inline code, from outside of the fences. */
  code: { line: number; text: string }[];
  links: { line: number; to: string }[];
  /** Anchors as GitHub makes them of headings. */
  anchors: string[];
}

/** Paths of all pages that people read, from the root of the project. */
export async function pagePaths(): Promise<string[]> {
  const docs = (await readdir('docs', { recursive: true })).filter((name) => name.endsWith('.md'));
  return ['README.md', 'CHANGELOG.md', 'bench/README.md', ...docs.map((name) => `docs/${name}`)].sort();
}

export async function readPage(path: string): Promise<Page> {
  const page: Page = { path, fences: [], code: [], links: [], anchors: [] };
  let open: (Fence & { indent: number; ticks: string }) | undefined;
  let before: string | undefined;
  const lines = (await readFile(path, 'utf8')).split('\n');
  lines.forEach((text, i) => {
    const fence = /^(\s*)(`{3,})(\S*)\s*(?:file=(\S+))?\s*$/.exec(text);
    if (open) {
      if (fence?.[2] === open.ticks && fence[3] === '') {
        page.fences.push(open);
        open = undefined;
      } else open.text += `${text.slice(Math.min(open.indent, text.search(/\S|$/)))}\n`;
      return;
    }
    if (fence) {
      const [, indent = '', ticks = '', language = '', file] = fence;
      open = { line: i + 2, language, file, before, text: '', indent: indent.length, ticks };
      before = undefined;
      return;
    }
    before = /^<!-- docs-test: (.*) -->$/.exec(text)?.[1];
    const heading = /^#+ (.*)$/.exec(text)?.[1];
    if (heading) page.anchors.push(anchorOf(heading));
    // In a table a bar in code is written with a backslash.
    for (const [, code = ''] of text.matchAll(/`([^`]+)`/g))
      page.code.push({ line: i + 1, text: code.replaceAll('\\|', '|') });
    const plain = text.replaceAll(/`[^`]*`/g, '');
    for (const [, to = ''] of plain.matchAll(/\]\(([^)\s]+)\)/g)) page.links.push({ line: i + 1, to });
  });
  if (open) throw new Error(`${path}: the block at line ${open.line} has no end`);
  return page;
}

/** Command lines of the product on a page, as words: inline code, and lines of blocks that nobody runs. */
export function commandLines(page: Page): { line: number; text: string }[] {
  const shown = page.fences.flatMap(({ line, language, text }) =>
    language === 'sh'
      ? []
      : text.split('\n').flatMap((each, i) => {
          const found = /(?:^|[:=/] ?|\$ )((?:rollback-deploy-auto|rda) .*?)(?: \(.*)?(?: {2}.*)?$/.exec(
            each,
          )?.[1];
          return found === undefined ? [] : [{ line: line + i, text: found }];
        }),
  );
  const inline = page.code.filter(({ text }) => /^(rollback-deploy-auto|rda) /.test(text));
  return [...inline, ...shown];
}

/** Words as a shell makes them of a plain command line: quotes, and nothing else of a shell's. */
export function wordsOf(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? '',
  );
}

/** Parses the words behind the program's name with the product's own parser. @throws what it says against them */
export async function parseCommand(words: string[]): Promise<void> {
  // Help would be printed.
  const asked = words.filter((word) => word !== '--help' && word !== '-h');
  await createProgram(async () => {}).parseAsync(asked, { from: 'user' });
}

/** Every option that some command takes, as typed: `--dry-run`, `-y`. */
export function knownOptions(): Set<string> {
  const known = new Set<string>();
  const visit = (command: ReturnType<typeof createProgram>) => {
    for (const { long, short } of command.options) {
      if (long) known.add(long);
      if (short) known.add(short);
    }
    command.commands.forEach(visit);
  };
  visit(createProgram(async () => {}));
  return known.add('--help').add('-h');
}

function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}
