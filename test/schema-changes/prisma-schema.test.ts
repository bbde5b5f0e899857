import { expect, test } from 'vitest';
import { readPrismaSchema } from '../../src/schema-changes/read-prisma-schema.ts';

const SCHEMA = `generator client {
  provider      = "prisma-client"
  binaryTargets = ["native", env("TARGET")]
}
/* of
   several lines */
model A { // whose comments are everywhere
  id       String   @id @default(uuid(7)) @db.Uuid
  b        String   @default(cuid(2)) // trailing
  n        Int[]    @default([1, 2, -3])
  d        Decimal  @default(1.50) @db.Decimal(10, 2)
  s        String   @default("a \\"q\\" { } // no") @map("s col")
  e        E        @default(X)
  es       E[]
  count    BigInt   @default(autoincrement())
  made     String   @default(dbgenerated("concat('a', 'b')"))
  parentId String?  @map(name: "parent_id")
  parent   A?       @relation("tree", fields: [parentId], references: [id], onDelete: NoAction)
  children A[]      @relation("tree")
  friends  A[]      @relation("friends")
  friendOf A[]      @relation("friends")

  @@id([id, b])
  @@index([s(ops: raw("gin_trgm_ops")), d(sort: Desc)], type: Gin, map: "ix")
  @@map("as")
  @@schema("crm")
}

enum E {
  X   @map("x 1")
  Y_Z
  // none
}
`;

test('what the client of Prisma writes always, sometimes and never, whatever stands around it', async () => {
  const read = async (content: string) => readPrismaSchema([{ path: 'a.prisma', content }]);
  const { models, enumerations } = await read(SCHEMA);
  expect(models).toEqual([
    {
      ...{ file: 'a.prisma', line: 7, name: 'A', table: ['crm', 'as'], written: true },
      columns: [
        { name: 'id', given: 'always' },
        { name: 'b', given: 'always' },
        { name: 'n', given: 'sometimes' },
        { name: 'd', given: 'always' },
        { name: 's col', given: 'always' },
        { name: 'e', given: 'always', values: ['x 1', 'Y_Z'] },
        { name: 'es', given: 'sometimes' },
        { name: 'count', given: 'never' },
        { name: 'made', given: 'never' },
        { name: 'parent_id', given: 'sometimes' },
      ],
    },
  ]);
  expect(enumerations).toEqual([
    { file: 'a.prisma', line: 29, name: 'E', type: ['E'], values: ['x 1', 'Y_Z'] },
  ]);
  const windows = await read(SCHEMA.replaceAll('\n', ' \r\n'));
  expect(windows).toEqual({ models, enumerations });
  // The table between, where it is known in which schema it is.
  const between = await read(SCHEMA.replace('@@schema("crm")', ''));
  expect(between.models[1]).toMatchObject({
    line: 7,
    table: ['_friends'],
    columns: [{ name: 'A' }, { name: 'B' }],
  });
});
