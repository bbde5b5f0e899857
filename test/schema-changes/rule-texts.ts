import type { RuleId } from '../../src/schema-changes/rules.ts';

interface RuleText {
  /** What the old code meets. */
  about: string;
  /** What to write instead, or to do about it. */
  instead: string;
}

/** The prose of the rules' pages. */
export const RULE_TEXTS: Record<RuleId, RuleText> = {
  'add-column': {
    about:
      'Statements that name their columns, as ORMs write them, do not meet the new column. `INSERT INTO t VALUES (...)` without names, and a prepared `SELECT *`, do: the finding is safe, and says so in `when`.',
    instead: 'Nothing is to be done.',
  },
  'add-enum-value': {
    about:
      'The old code was written before the value was. It fails, or shows nothing useful, once it reads a row that holds the value.',
    instead: 'Add the value in one release, and use it in the next.',
  },
  'add-required-column': {
    about: "The old code's INSERTs do not name the column. Without a default the database refuses them.",
    instead:
      'Give the column a default, and keep it until no release that may be gone back to lacks the column.',
  },
  'change-collation': {
    about:
      'Texts compare, sort and are unique in another way; a smaller character set refuses or loses characters. No statement fails for that alone.',
    instead: 'Check which comparisons the old code makes, with case and accents.',
  },
  'change-default': {
    about: "The old code's INSERTs that leave the column out write another value than it was written for.",
    instead: 'Check that the old code can work with the new default; or let the new code write the value.',
  },
  'change-function': {
    about: 'The old code calls the function, or a trigger does on its behalf, and gets what it does now.',
    instead: 'Add a function of another name, and call that.',
  },
  'change-type': {
    about:
      "What it means depends on both types. A type that holds all values of before, in the same form, is safe. One that holds them in another form is conditional: drivers give a `bigint` or a `numeric` as a text, for instance. One that refuses values of before lets writes fail; one that can't hold a part of them, such as a fraction, has destroyed it. Types of another kind let comparisons fail.",
    instead: 'Add a column of the new type beside the old one, and fill both until the old one is not used.',
  },
  'change-view': {
    about:
      'A view without a column that the old code reads lets its reads fail. A view that takes its columns from elsewhere may mean something else by them.',
    instead: 'Keep the view as it is, and add another.',
  },
  'create-table': { about: 'The old code does not know the table.', instead: 'Nothing is to be done.' },
  'delete-data': {
    about: 'The old code may need rows that are gone. Going back does not bring them back.',
    instead: 'Mark rows instead, and delete them once no release that may be gone back to reads them.',
  },
  'detach-partition': {
    about:
      'The rows are still there, in a table of their own; the old code does not find them in the one that it reads.',
    instead: 'Keep the partition attached until no release that may be gone back to reads its rows.',
  },
  'drop-column': {
    about:
      'Every statement that names the column fails. ORMs name every declared column in each INSERT and SELECT, so that the old code breaks even where no query of its own mentions it. The values are gone.',
    instead:
      'In one release stop using the column; in a later one drop it, once none that uses it may be gone back to.',
  },
  'drop-constraint': {
    about:
      'Rows may come that the constraint kept out, and what it did on its own, such as ON DELETE CASCADE, is not done.',
    instead: 'Keep it until the old code is not gone back to.',
  },
  'drop-default': {
    about:
      "The old code's INSERTs that leave the column out fail where it must not be NULL; elsewhere they write NULL. A MODIFY that does not repeat the default drops it.",
    instead: 'Keep the default.',
  },
  'drop-not-null': {
    about:
      'The old code does not expect NULL. It fails once it reads one. A MODIFY that does not repeat NOT NULL drops it.',
    instead: 'Let the new code write no NULL until the old code is not gone back to.',
  },
  'drop-object': {
    about: 'Statements that name a function, sequence or type fail once it is gone or has another name.',
    instead: 'Keep it until no release that may be gone back to names it.',
  },
  'drop-schema': {
    about: 'Whatever the old code uses in the schema is gone, or is not found under its name.',
    instead: 'Keep the schema until no release that may be gone back to uses it.',
  },
  'drop-table': {
    about: 'Every statement on the table fails, and its rows are gone.',
    instead: 'Drop it in a later release, once none that uses it may be gone back to.',
  },
  'drop-trigger': {
    about: 'What the trigger did for the old code is not done any more. No statement fails for that.',
    instead: 'Keep the trigger until the old code is not gone back to.',
  },
  'drop-unique': {
    about:
      "PostgreSQL and SQLite refuse an ON CONFLICT without its unique key. MySQL's ON DUPLICATE KEY UPDATE adds a row each time instead, without an error. Either way doubles may come.",
    instead: 'Keep the unique key, or make the new one first.',
  },
  'drop-view': {
    about: 'Every read of the view fails.',
    instead: 'Keep the view until no release that may be gone back to reads it.',
  },
  'generated-column': {
    about:
      "The old code's INSERTs and UPDATEs name the column, and the database refuses to be given a value for it.",
    instead: 'Add a generated column beside it; for an identity, say GENERATED BY DEFAULT.',
  },
  'name-reused': {
    about:
      'No statement fails: the old code reads and writes another table or column under the name that it knows. The wrong data is silent, which is why this stops.',
    instead: 'Give the new one a new name.',
  },
  'new-constraint': {
    about:
      'Whether it refuses what the old code writes depends on what that is. A foreign key of a new table may refuse a DELETE of the old code, once new rows refer to what it deletes.',
    instead:
      'Check what the old code writes; let foreign keys say ON DELETE CASCADE or SET NULL where that is meant.',
  },
  'new-trigger': {
    about: 'The trigger or rule runs on what the old code writes, and may refuse or change it.',
    instead: 'Check that it accepts what the old code writes.',
  },
  'opaque-code': {
    about:
      'A DO block, a procedure, a prepared statement or an unknown function may do anything. It is unknown, which counts as unsafe.',
    instead: 'Write plain statements; or read it, and allow it with a reason.',
  },
  rebuild: {
    about:
      'A table was made anew and has the rows of the old one, but no migration says how the old one was declared. So what the old code relies on may be missing.',
    instead: 'Compare both definitions; or give the migrations that made the table.',
  },
  'remove-enum-value': {
    about: 'The old code still writes the value, and the database refuses it.',
    instead: 'Leave the value in the type, and do not use it.',
  },
  'rename-column': {
    about: 'Statements that name the column fail.',
    instead:
      'Add the new column beside the old one and fill both; or, in PostgreSQL and MySQL, rename the table too, and show it under its old name through a view that has the old column names.',
  },
  'rename-enum-value': {
    about: 'Statements that name the old value fail, in reads and in writes.',
    instead: 'Add the new value beside the old one.',
  },
  'rename-table': {
    about: 'Statements on the old name fail.',
    instead:
      'In PostgreSQL and MySQL make a view of the whole table under its old name in the same migration: a view of a single table can be written as the table was.',
  },
  'replace-data': {
    about: 'Rows of the same key are overwritten, if there are any.',
    instead: 'Check that the old code can work with the new values.',
  },
  revoke: {
    about: "Statements of the application's role fail where they need the right, or the owner's.",
    instead: "Check the rights of the application's role.",
  },
  'row-security': {
    about:
      "The application's role may see other rows, and may be refused what it writes. Without a policy it sees none.",
    instead: "Try the old code's statements with the application's role.",
  },
  'rows-left-out': {
    about: 'A table was made anew from some of its rows; the others are gone.',
    instead: 'Take all rows along.',
  },
  'set-not-null': {
    about:
      "The old code's writes that give NULL fail, and so do those that leave the column out where it has no default. With a default it depends on whether the old code writes NULL.",
    instead: 'Give the column a default, and see that the old code writes no NULL.',
  },
  suppression: {
    about:
      'A comment `rollback-deploy-auto:allow RULE REASON` before a statement, or in it, allows what the rule finds there. It must name rules that there are, and say why: without that it allows nothing, and stops.',
    instead: 'Write a reason that the one who rolls back can judge.',
  },
  unreadable: {
    about: 'What the statement does is not known. It is unknown, which counts as unsafe.',
    instead: 'Have a person read it, and allow it with a reason.',
  },
  'update-data': {
    about:
      'Values are rewritten in place: other units, another case, encryption. No statement of the old code fails; it reads values that mean something else, and the values before are gone.',
    instead: 'Write the new values to a new column; or allow it where the old code can work with them.',
  },
};
