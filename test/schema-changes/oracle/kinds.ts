/** A type of column, with values of it as SQL. */
export interface ColumnKind {
  type: string;
  family: 'number' | 'text' | 'time' | 'other';
  /** Values that most types of the family hold too; each another. */
  small: [string, string, string, string];
  /** One at the end of what it holds. */
  large: string;
  default?: string;
  /** Whether it can have a unique index. */
  unique: boolean;
}

const number = (type: string, large: string): ColumnKind => ({
  type,
  family: 'number',
  small: ['7', '8', '9', '6'],
  large,
  default: '5',
  unique: true,
});
const text = (type: string, large: string, unique = true): ColumnKind => ({
  type,
  family: 'text',
  small: ["'ab'", "'cd'", "'ef'", "'gh'"],
  large: `'${large}'`,
  ...(unique ? { default: "'zz'" } : {}),
  unique,
});
const time = (type: string, large: string): ColumnKind => ({
  type,
  family: 'time',
  small: ["'2025-01-01'", "'2025-01-02'", "'2025-01-03'", "'2025-01-04'"],
  large: `'${large}'`,
  unique: true,
});

export const KINDS: Record<'postgresql' | 'mysql', ColumnKind[]> = {
  postgresql: [
    number('smallint', '32000'),
    number('int', '2000000000'),
    number('bigint', '9000000000000'),
    number('numeric(5,1)', '9999.5'),
    number('numeric(8,2)', '999999.25'),
    number('double precision', '1e200'),
    text('varchar(5)', 'abcde'),
    text('varchar(20)', 'a'.repeat(20)),
    text('text', 'a'.repeat(50)),
    time('date', '2025-06-01'),
    time('timestamp', '2025-06-01 10:11:12'),
    {
      type: 'boolean',
      family: 'other',
      small: ['true', 'false', 'true', 'false'],
      large: 'true',
      default: 'true',
      unique: false,
    },
    {
      type: 'mood',
      family: 'other',
      small: ["'new'", "'paid'", "'new'", "'paid'"],
      large: "'paid'",
      default: "'new'",
      unique: false,
    },
  ],
  mysql: [
    number('smallint', '32000'),
    number('int', '2000000000'),
    number('int unsigned', '4000000000'),
    number('bigint', '9000000000000'),
    number('decimal(5,1)', '9999.5'),
    number('decimal(8,2)', '999999.25'),
    number('double', '1e200'),
    text('varchar(5)', 'abcde'),
    text('varchar(20)', 'a'.repeat(20)),
    text('text', 'a'.repeat(50), false),
    time('date', '2025-06-01'),
    time('datetime', '2025-06-01 10:11:12'),
    {
      type: 'tinyint(1)',
      family: 'other',
      small: ['1', '0', '1', '0'],
      large: '1',
      default: '1',
      unique: false,
    },
    {
      type: "ENUM('new','paid')",
      family: 'other',
      small: ["'new'", "'paid'", "'new'", "'paid'"],
      large: "'paid'",
      default: "'new'",
      unique: false,
    },
  ],
};
