import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { migrations } from '../../src/commands/migrations.ts';
import type { JudgedFile } from '../../src/model/judged-file.ts';
import type { Folder } from './fixtures.ts';

export interface OldCodeRig {
  cwd: string;
  put(folder: Folder): Promise<void>;
  /** What is said of the old code in `queries`, judged by a database: a path of SQLite, or a URL; or by none. */
  judge(
    database: string | undefined,
    queries: string | undefined,
  ): Promise<{ exit: number; said: [string, string, string[]][]; files: JudgedFile[] }>;
  end(): Promise<void>;
}

/** A folder with one migration of dbmate, which makes `create`. */
export async function oldCodeRig(create: string): Promise<OldCodeRig> {
  const cwd = await mkdtemp(join(tmpdir(), 'rda-old-code-'));
  const put = async (folder: Folder) => {
    for (const [path, content] of Object.entries(folder)) {
      await mkdir(dirname(join(cwd, path)), { recursive: true });
      await writeFile(join(cwd, path), content);
    }
  };
  await put({ 'db/migrations/01_create.sql': `-- migrate:up\n${create};\n-- migrate:down\n` });
  const judge: OldCodeRig['judge'] = async (database, queries) => {
    const isUrl = database?.includes('://') === true;
    if (isUrl) process.env.RDA_OLD_CODE_URL = database;
    try {
      const { exit, json } = await migrations(cwd, {
        paths: ['db/migrations'],
        engine: undefined,
        format: undefined,
        from: undefined,
        to: undefined,
        database: isUrl ? 'env:RDA_OLD_CODE_URL' : database,
        queries,
      });
      const files = (json as JudgedFile[]).filter(({ about }) => about === 'queries');
      const said = files.map(({ file, verdict, findings }): [string, string, string[]] => [
        file,
        verdict,
        findings.map(({ statement, line, why }) => `${line} ${statement.slice(0, 24)} ${why}`),
      ]);
      return { exit, said, files };
    } finally {
      delete process.env.RDA_OLD_CODE_URL;
    }
  };
  return { cwd, put, judge, end: () => rm(cwd, { recursive: true, force: true }) };
}
