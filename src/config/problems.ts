import { type Document, isAlias, isMap, isNode, isPair, isScalar, isSeq, type LineCounter } from 'yaml';
import type * as z from 'zod';
import { didYouMean } from '../model/suggest.ts';
import { validKeys } from './shape.ts';

/** One thing wrong in a configuration file, at its place. Lines and columns count from 1. */
export interface Problem {
  line: number;
  column: number;
  /** Dotted, e.g. `services.shop.platform.kind`; empty where it is the file as a whole. */
  path: string;
  message: string;
}

/** `rollback.yaml:12:5  services.shop.port: must be a whole number`. */
export function problemLine(file: string, problem: Problem): string {
  const place = `${file}:${problem.line}:${problem.column}`;
  return problem.path === ''
    ? `${place}  ${problem.message}`
    : `${place}  ${problem.path}: ${problem.message}`;
}

/** What a schema found wrong, each with its place in the document, in the order of the document. */
export function schemaProblems(
  error: z.ZodError,
  schema: z.ZodType,
  document: Document.Parsed,
  lines: LineCounter,
): Problem[] {
  const value: unknown = document.toJS();
  const at = (path: readonly PropertyKey[], key: boolean) => {
    const position = lines.linePos(offsetOf(document, path, key));
    return { line: position.line, column: position.col, path: path.map(String).join('.') };
  };
  return error.issues
    .flatMap((issue) => simplify(issue))
    .flatMap((issue): Problem[] => {
      if (issue.code === 'unrecognized_keys') {
        const valid = validKeys(schema, issue.path, value);
        return issue.keys.map((key) => ({
          ...at([...issue.path, key], true),
          message: `unknown key "${key}"${didYouMean(key, valid)} (valid: ${valid.join(', ')})`,
        }));
      }
      const inside = valueAt(value, issue.path);
      const ofKey = inside === undefined || issue.code === 'invalid_key';
      return [{ ...at(issue.path, ofKey), message: sentence(issue, inside) }];
    })
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

type Issue = z.core.$ZodIssue;

/** A union that failed is said by the branch that the value most likely meant: the one with the least wrong. */
function simplify(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue];
  const wrongType = (branch: Issue[]) =>
    branch.some((one) => one.code === 'invalid_type' && one.path.length === 0);
  const right = issue.errors.filter((branch) => !wrongType(branch));
  if (right.length === 0) {
    const kinds = issue.errors
      .flat()
      .map((one) => (one.code === 'invalid_type' ? typeName(one.expected) : ''));
    return [
      {
        code: 'custom',
        path: issue.path,
        message: `must be ${[...new Set(kinds)].join(' or ')}`,
        input: undefined,
      },
    ];
  }
  const best = [...right].sort((a, b) => a.length - b.length)[0] as Issue[];
  const missing = right.map((branch) => branch.find((one) => one.code === 'invalid_type')?.path.join('.'));
  const unknown = best.find((one) => one.code === 'unrecognized_keys');
  if (right.length > 1 && missing.every((name) => name !== undefined)) {
    const names = missing.map((name) => `"${name}"`).join(' or ');
    if (!unknown)
      return [{ code: 'custom', path: issue.path, message: `must have ${names}`, input: undefined }];
    return [{ ...unknown, path: [...issue.path, ...unknown.path] }];
  }
  return best.flatMap((one) => simplify({ ...one, path: [...issue.path, ...one.path] }));
}

function sentence(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      if (value === undefined) return 'is missing';
      if (value === null) return `has no value; it must be ${typeName(issue.expected)}`;
      if (issue.expected === 'string' && ['number', 'boolean'].includes(typeof value)) {
        return `must be text: write "${String(value)}" in quotes`;
      }
      return `must be ${typeName(issue.expected)}, not ${shown(value)}`;
    case 'invalid_union': {
      const valid = (issue as { options?: unknown[] }).options?.map(String) ?? [];
      if (value === undefined) return `is missing (valid: ${valid.join(', ')})`;
      return `unknown ${kindOf(issue.path)} ${shown(value)}${didYouMean(String(value), valid)} (valid: ${valid.join(', ')})`;
    }
    case 'invalid_value': {
      const valid = issue.values.map(String);
      return `unknown ${kindOf(issue.path)} ${shown(value)}${didYouMean(String(value), valid)} (valid: ${valid.join(', ')})`;
    }
    case 'too_small':
      return issue.origin === 'string'
        ? 'must not be empty'
        : `must be at least ${issue.minimum}, is ${shown(value)}`;
    case 'too_big':
      return `must be at most ${issue.maximum}, is ${shown(value)}`;
    case 'invalid_key':
      return `is no valid name: ${issue.issues[0]?.message ?? issue.message}`;
    case 'invalid_format':
      return `must be ${issue.message}, not ${shown(value)}`;
    default:
      return issue.message;
  }
}

/** `services.shop.platform.kind` asks for a platform; other keys for themselves. */
function kindOf(path: readonly PropertyKey[]): string {
  const last = String(path.at(-1));
  return last === 'kind' ? String(path.at(-2)) : last;
}

function typeName(expected: string): string {
  const names: Record<string, string> = {
    int: 'a whole number',
    number: 'a number',
    string: 'text',
    object: 'a mapping (key: value)',
    record: 'a mapping (name: value)',
    array: 'a list',
    boolean: 'true or false',
  };
  return names[expected] ?? expected;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`;
  if (Array.isArray(value)) return 'a list';
  if (value !== null && typeof value === 'object') return 'a mapping';
  return String(value);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inside, key) => (inside as Record<PropertyKey, unknown> | null)?.[key], value);
}

/** Where a path is in the text; of what is missing, where its nearest parent's key is. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[], ofKey: boolean): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0] ?? 0;
  for (const [depth, key] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    const last = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key),
      );
      if (!pair) return offset;
      if (isScalar(pair.key) && pair.key.range) offset = pair.key.range[0];
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
    }
    const hasText = isNode(node) && node.range != null && node.range[1] > node.range[0];
    if (hasText && !(last && ofKey) && !isMap(node) && isNode(node) && node.range) offset = node.range[0];
  }
  return offset;
}
