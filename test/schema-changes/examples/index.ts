import { COLUMNS } from './columns.ts';
import { CONSTRAINTS } from './constraints.ts';
import type { Example } from './example.ts';
import { OTHER } from './other.ts';
import { TABLES } from './tables.ts';
import { TYPES } from './types.ts';

export const EXAMPLES: Example[] = [...TABLES, ...COLUMNS, ...TYPES, ...CONSTRAINTS, ...OTHER];
