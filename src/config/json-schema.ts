import * as z from 'zod';
import { configurationSchema } from './schema.ts';

/**
 * The JSON Schema (draft-07, which editors' YAML servers read) of `rollback.yaml` as it is written: keys with defaults
 * may be left out.
 */
export function configurationJsonSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(configurationSchema, { io: 'input', target: 'draft-07' });
  return {
    $schema,
    title: 'rollback.yaml',
    description: 'Configuration of rollback-deploy-auto. Relative paths start at the folder of the file.',
    ...rest,
  };
}
