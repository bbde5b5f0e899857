import type { Attr, AttributeArgument, BlockAttribute, Enum, Field, Model, View } from '@mrleebo/prisma-ast';
import type { OldColumn, OldEnumeration, OldModel } from './old-models.ts';
import { queriesNotFound } from './queries-not-found.ts';

const SCALARS = new Set([
  'String',
  'Boolean',
  'Int',
  'BigInt',
  'Float',
  'Decimal',
  'DateTime',
  'Json',
  'Bytes',
]);
/** Defaults that only the database has: the client leaves the column out. */
const OF_DATABASE = new Set(['autoincrement', 'dbgenerated', 'sequence']);

interface Block<T> {
  file: string;
  line: number;
  block: T;
}

/**
 * Models and enumerations of a schema of Prisma, in one or several files, as its client has them: without what is ignored,
 * and with the tables between models that are only said as lists of each other
 * (https://www.prisma.io/docs/orm/reference/prisma-schema-reference).
 * @throws RollbackError `QUERIES_NOT_FOUND` where it can't be read, or names a type that is in no file
 */
export async function readPrismaSchema(
  files: readonly { path: string; content: string }[],
): Promise<{ models: OldModel[]; enumerations: OldEnumeration[] }> {
  if (files.length === 0) return { models: [], enumerations: [] };
  const { getSchema, PrismaParser, VisitorClassFactory } = await import('@mrleebo/prisma-ast');
  const parser = new PrismaParser({ nodeLocationTracking: 'full' });
  const visitor = new (VisitorClassFactory(parser))();
  const models = new Map<string, Block<Model | View>>();
  const enums = new Map<string, Block<Enum>>();
  for (const { path: file, content } of files) {
    for (const block of read(file, content, (text) => getSchema(text, { parser, visitor }))) {
      if (block.type === 'enum') enums.set(block.name, { file, line: lineOf(block), block });
      if (block.type === 'model' || block.type === 'view')
        models.set(block.name, { file, line: lineOf(block), block });
    }
  }
  const kept = [...models.values()].filter(({ block }) => !blockAttribute(block, 'ignore'));
  return {
    models: [
      ...kept.map((one) => modelOf(one, models, enums)),
      ...kept.flatMap((one) => tablesBetween(one, models)),
    ],
    enumerations: [...enums.values()].map(({ file, line, block }) => {
      const { name } = block;
      const type = qualified(block.enumerators, name);
      return { file, line, name, type, values: valuesOf(block) };
    }),
  };
}

function read(file: string, content: string, getSchema: typeof import('@mrleebo/prisma-ast').getSchema) {
  try {
    return getSchema(withoutComments(content)).list;
  } catch (error) {
    const { message } = error as Error;
    const line = (error as { token?: { startLine?: number } }).token?.startLine;
    throw queriesNotFound(file, `It can't be read${line ? `, line ${line}` : ''}: ${message}.`);
  }
}

/** With the lines that it had. The parser takes neither comments nor spaces after an opening brace. */
function withoutComments(content: string): string {
  return content
    .replace(/("(?:[^"\\\n]|\\.)*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (comment, text?: string) =>
      text === undefined ? comment.replace(/[^\n]/g, '') : text,
    )
    .replace(/[ \t\r]+$/gm, '');
}

function modelOf(
  { file, line, block }: Block<Model | View>,
  models: ReadonlyMap<string, unknown>,
  enums: ReadonlyMap<string, Block<Enum>>,
): OldModel {
  const columns = fieldsOf(block).flatMap((field): OldColumn[] => {
    const { fieldType, name, array, optional } = field;
    // The client neither reads nor writes a type that it does not know.
    if (typeof fieldType !== 'string' || attribute(field.attributes, 'ignore')) return [];
    if (models.has(fieldType)) return [];
    const enumeration = enums.get(fieldType);
    if (!SCALARS.has(fieldType) && !enumeration) {
      const why = `${block.name}.${name} is of the type ${fieldType}, which is in none of the files: name the folder that has them all.`;
      throw queriesNotFound(file, why);
    }
    const [filled] = attribute(field.attributes, 'default')?.args ?? [];
    const left = OF_DATABASE.has((filled?.value as { name?: string } | undefined)?.name ?? '');
    return [
      {
        name: mapped(field.attributes) ?? name,
        given: left ? 'never' : optional || array ? 'sometimes' : 'always',
        ...(enumeration && !array && { values: valuesOf(enumeration.block) }),
      },
    ];
  });
  const table = qualified(block.properties, block.name);
  return { file, line, name: block.name, table, written: block.type === 'model', columns };
}

/** Of relations that are lists on both sides, once: on the side that comes first. */
function tablesBetween(
  { file, line, block }: Block<Model | View>,
  models: ReadonlyMap<string, Block<Model | View>>,
): OldModel[] {
  const lists = fieldsOf(block).filter(({ fieldType, array }) => array && models.has(String(fieldType)));
  const found = lists.flatMap((field): string[] => {
    const other = models.get(String(field.fieldType))?.block as Model | View;
    const own = relationOf(field);
    const back = fieldsOf(other).some(
      (each) =>
        each.array && each.fieldType === block.name && relationOf(each) === own && each.name !== field.name,
    );
    const name = own ?? [block.name, other.name].sort().join('To');
    const inSchema = blockAttribute(block, 'schema') ?? blockAttribute(other, 'schema');
    // In which of the schemas such a table is, the schema does not say.
    return back && block.name <= other.name && !inSchema ? [`_${name}`] : [];
  });
  const columns = ['A', 'B'].map((name) => ({ name, given: 'always' as const }));
  return [...new Set(found)].map((name) => ({ file, line, name, table: [name], written: true, columns }));
}

function fieldsOf({ properties }: Model | View): Field[] {
  return properties.filter((one) => one.type === 'field') as Field[];
}

function valuesOf({ enumerators }: Enum): string[] {
  return enumerators.flatMap((one) =>
    one.type === 'enumerator' ? [mapped(one.attributes) ?? one.name] : [],
  );
}

/** Its schema, where one is said, and its name. */
function qualified(properties: readonly { type: string }[], name: string): string[] {
  const own = properties.filter((one): one is BlockAttribute => one.type === 'attribute');
  const schema = argument(attribute(own, 'schema'));
  return [...(schema === undefined ? [] : [schema]), argument(attribute(own, 'map'), 'name') ?? name];
}

function blockAttribute({ properties }: Model | View, name: string): Attr | undefined {
  return attribute(
    properties.filter((one): one is BlockAttribute => one.type === 'attribute'),
    name,
  );
}

function mapped(attributes: readonly Attr[] | undefined): string | undefined {
  return argument(attribute(attributes, 'map'), 'name');
}

/** The name of a relation, where it has one. */
function relationOf({ attributes }: Field): string | undefined {
  return argument(attribute(attributes, 'relation'), 'name');
}

function attribute(attributes: readonly Attr[] | undefined, name: string): Attr | undefined {
  return attributes?.find((one) => one.name === name && one.group === undefined);
}

/** The text that an attribute is given first, or by that name. */
function argument(of: Attr | undefined, name?: string): string | undefined {
  for (const { value } of (of?.args ?? []) as AttributeArgument[]) {
    if (typeof value === 'string' && value.startsWith('"')) return JSON.parse(value) as string;
    const { key, value: text } = Object(value) as { key?: string; value?: unknown };
    if (key !== undefined && key === name && typeof text === 'string') return JSON.parse(text) as string;
  }
  return undefined;
}

function lineOf({ location }: { location?: { startLine?: number } }): number {
  return location?.startLine ?? 1;
}
