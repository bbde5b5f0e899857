import type { MigrationFormat } from '../../model/migration-formats.ts';
import { alembic } from './alembic.ts';
import { atlas } from './atlas.ts';
import { dbmate } from './dbmate.ts';
import { diesel } from './diesel.ts';
import { django } from './django.ts';
import { drizzle } from './drizzle.ts';
import { ecto } from './ecto.ts';
import { flyway } from './flyway.ts';
import { golangMigrate } from './golang-migrate.ts';
import { goose } from './goose.ts';
import { knex } from './knex.ts';
import { liquibase } from './liquibase.ts';
import type { MigrationSource } from './migrations.ts';
import { prisma } from './prisma.ts';
import { rails } from './rails.ts';
import { sequelize } from './sequelize.ts';
import { sqitch } from './sqitch.ts';
import { sqlx } from './sqlx.ts';
import { typeorm } from './typeorm.ts';

/** Migration formats by `database.migrations.format`. */
export const migrationSources: Record<MigrationFormat, () => MigrationSource> = {
  alembic,
  atlas,
  dbmate,
  diesel,
  django,
  drizzle,
  ecto,
  flyway,
  'golang-migrate': golangMigrate,
  goose,
  knex,
  liquibase,
  prisma,
  rails,
  sequelize,
  sqitch,
  sqlx,
  typeorm,
};
