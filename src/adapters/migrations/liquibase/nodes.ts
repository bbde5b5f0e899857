import { DOMParser, type Element } from '@xmldom/xmldom';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node as YamlNode } from 'yaml';
import { unreadable } from '../files.ts';
import type { MigrationFile } from '../migrations.ts';

/** One element of a changelog, whichever of its three languages it is written in. */
export interface Node {
  name: string;
  /** From 1. */
  line: number;
  /** Values that are plain text. */
  attributes: Record<string, string>;
  children: Node[];
  text: string;
  /** Line of the text's first character, from 1. */
  textLine: number;
}

export function isChangelog({ path, content }: MigrationFile): boolean {
  return /\.(?:xml|ya?ml|json)$/i.test(path) && /\bdatabaseChangeLog\b/.test(content);
}

/** The root of a changelog. @throws RollbackError `MIGRATION_UNREADABLE` */
export function readNodes(file: MigrationFile): Node {
  return /\.xml$/i.test(file.path) ? fromXml(file) : fromYaml(file);
}

function fromXml({ path, content }: MigrationFile): Node {
  try {
    const parser = new DOMParser({
      onError: (level, message) => {
        if (level !== 'warning') throw new Error(message);
      },
    });
    const root = parser.parseFromString(content.replace(/^\ufeff/, ''), 'text/xml').documentElement;
    if (root) return ofElement(root);
  } catch (error) {
    throw unreadable('Liquibase', path, 0, `It is not XML: ${(error as Error).message.split('\n')[0]}.`);
  }
  throw unreadable('Liquibase', path, 0, 'It has no element.');
}

function ofElement(element: Element): Node {
  const nodes = Array.from(element.childNodes);
  const texts = nodes.filter(({ nodeType }) => nodeType === TEXT || nodeType === CDATA);
  return {
    name: element.localName ?? element.nodeName,
    line: element.lineNumber ?? 1,
    attributes: Object.fromEntries(Array.from(element.attributes, ({ name, value }) => [name, value])),
    children: nodes.filter(({ nodeType }) => nodeType === ELEMENT).map((node) => ofElement(node as Element)),
    text: texts.map(({ nodeValue }) => nodeValue ?? '').join(''),
    textLine: texts[0]?.lineNumber ?? element.lineNumber ?? 1,
  };
}

const [ELEMENT, TEXT, CDATA] = [1, 3, 4];

/** JSON is YAML too. */
function fromYaml({ path, content }: MigrationFile): Node {
  const lineCounter = new LineCounter();
  const document = parseDocument(content, { lineCounter });
  const [error] = document.errors;
  const refuse = (line: number, why: string) => unreadable('Liquibase', path, line - 1, why);
  if (error) throw refuse(error.linePos?.[0].line ?? 1, `It is not YAML: ${error.message.split('\n')[0]}.`);
  const lineOf = (node: unknown) => lineCounter.linePos((node as YamlNode).range?.[0] ?? 0).line;
  const ofValue = (name: string, value: unknown, line: number): Node => {
    const node: Node = { name, line, attributes: {}, children: [], text: '', textLine: line };
    const given = isAlias(value) ? value.resolve(document) : value;
    if (isScalar(given)) {
      node.text = given.value === null ? '' : String(given.value);
      // A block of text begins on the line after its mark.
      node.textLine = lineOf(given) + (given.type?.startsWith('BLOCK') ? 1 : 0);
    } else if (isSeq(given)) {
      node.children = given.items.flatMap((item) => ofMap(item));
    } else if (isMap(given)) {
      for (const child of ofMap(given)) {
        if (WRAPPERS.has(child.name)) node.children.push(...child.children);
        else if (
          child.name === 'rollback' ||
          child.children.length > 0 ||
          Object.keys(child.attributes).length > 0
        )
          node.children.push(child);
        else if (child.name === name) Object.assign(node, { text: child.text, textLine: child.textLine });
        else node.attributes[child.name] = child.text;
      }
    }
    return node;
  };
  const ofMap = (given: unknown): Node[] => {
    if (isScalar(given)) return [ofValue('', given, lineOf(given))];
    if (!isMap(given)) throw refuse(lineOf(given), 'An entry is written "name: value".');
    return given.items.map(({ key, value }) =>
      ofValue(String((key as { value?: unknown }).value), value, lineOf(key)),
    );
  };
  const [root] = isMap(document.contents) ? ofMap(document.contents) : [];
  if (root) return root;
  throw refuse(1, 'It has no databaseChangeLog.');
}

/** Lists that XML writes without a name of their own. */
const WRAPPERS = new Set(['changes', 'columns']);
