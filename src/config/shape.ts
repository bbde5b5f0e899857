import type * as z from 'zod';

/** The parts of a zod 4 schema's definition that are needed to walk it. */
interface Definition {
  type: string;
  shape?: Record<string, z.ZodType>;
  innerType?: z.ZodType;
  valueType?: z.ZodType;
  element?: z.ZodType;
  options?: z.ZodType[];
  discriminator?: string;
  values?: unknown[];
}

/**
 * The keys that are valid in the mapping at `path` of a document, for suggestions. Where several shapes are possible
 * (a union), `value`'s discriminator decides, and without one the keys of all of them. Empty where any key is.
 */
export function validKeys(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): string[] {
  return [
    ...new Set(schemaAt(schema, path, value).flatMap((one) => Object.keys(definition(one).shape ?? {}))),
  ];
}

function schemaAt(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): z.ZodType[] {
  let here = flatten(schema, value);
  let inside = value;
  for (const key of path) {
    inside = (inside as Record<PropertyKey, unknown> | undefined)?.[key];
    here = here.flatMap((one) => {
      const { shape, valueType, element } = definition(one);
      const next = shape?.[String(key)] ?? valueType ?? element;
      return next ? flatten(next, inside) : [];
    });
  }
  return here;
}

/** Unwraps optionals and defaults, and opens unions up. */
function flatten(schema: z.ZodType, value: unknown): z.ZodType[] {
  const { innerType, options, discriminator } = definition(schema);
  if (innerType) return flatten(innerType, value);
  if (!options) return [schema];
  const all = options.flatMap((option) => flatten(option, value));
  if (discriminator === undefined) return all;
  const said = (value as Record<string, unknown> | undefined)?.[discriminator];
  const chosen = all.filter((one) => {
    const literal = definition(one).shape?.[discriminator];
    return literal !== undefined && definition(literal).values?.includes(said);
  });
  return chosen.length > 0 ? chosen : all;
}

function definition(schema: z.ZodType): Definition {
  return schema.def as unknown as Definition;
}
