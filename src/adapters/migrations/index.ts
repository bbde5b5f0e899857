import { dbmate } from './dbmate.ts';
import type { MigrationSource } from './migrations.ts';

/** Migration formats by `database.migrations.format`. */
export const migrationSources: Record<'dbmate', () => MigrationSource> = { dbmate };
