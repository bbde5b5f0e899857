/** Migration formats by their names in the configuration, one a tool. */
export const MIGRATION_FORMATS = [
  'alembic',
  'atlas',
  'dbmate',
  'diesel',
  'django',
  'drizzle',
  'ecto',
  'flyway',
  'golang-migrate',
  'goose',
  'knex',
  'liquibase',
  'prisma',
  'rails',
  'sequelize',
  'sqitch',
  'sqlx',
  'typeorm',
] as const;
export type MigrationFormat = (typeof MIGRATION_FORMATS)[number];

/** Engines whose SQL is told apart. */
export const ENGINES = ['postgresql', 'mysql', 'sqlite'] as const;
export type Engine = (typeof ENGINES)[number];
