import { describe, expect, test } from 'vitest';
import { decideBackup } from '../src/checks/backup.ts';
import type { BackupOutlook, DatabaseFacts, Known } from '../src/model/facts.ts';
import type { RestorePointOutlook } from '../src/model/restore-point.ts';

const NOW = Date.UTC(2026, 2, 15, 10, 32, 0);
const WANTED = { backup: true, accept: [], reason: undefined };
const taken = (minutesAgo: number) => ({
  name: 'backup-1.dump',
  takenAt: new Date(NOW - minutesAgo * 60_000).toISOString(),
});
const known = (backup: BackupOutlook | undefined, blocksMs = 0): Known<DatabaseFacts> => ({
  known: true,
  value: {
    name: 'postgresql db/shop',
    engine: 'postgresql',
    applied: [],
    sizeBytes: 1,
    backupBlocksWritersMs: blocksMs,
    backup,
  },
});

describe('a backup before the rollback', () => {
  test('is taken where it is estimated to be done in time, or nobody knows', () => {
    const limits = { maxWait: 60 };
    for (const outlook of [undefined, { estimateMs: 60_000 }])
      expect(decideBackup(known(outlook), WANTED, limits, NOW)).toEqual({ take: true, findings: [] });
    const unread = { known: false, why: 'down' } as const;
    expect(decideBackup(unread, WANTED, limits, NOW).take).toBe(true);
    expect(decideBackup(undefined, WANTED, limits, NOW)).toEqual({ take: false, findings: [] });
  });

  test.each([
    ['no earlier one', undefined, 600, 'There is no proven backup of it yet.'],
    ['one that is too old', taken(11), 600, 'The newest proven backup, backup-1.dump, is 11 min old.'],
    ['one, but none will do', taken(1), undefined, 'The newest proven backup, backup-1.dump, is 60 s old.'],
  ])('that takes too long stops the rollback: %s', (_, proven, maxAge, evidence) => {
    const decision = decideBackup(
      known({ estimateMs: 240_000, proven }),
      WANTED,
      { maxWait: 60, maxAge },
      NOW,
    );
    expect(decision.findings).toMatchObject([
      {
        check: 'backup',
        status: 'fail',
        blocking: true,
        title: 'A backup of postgresql db/shop is estimated to take 4 min; backup.maxWait allows 60 s',
        evidence: [evidence],
        fix: expect.arrayContaining([expect.stringContaining('--accept backup')]),
      },
    ]);
  });

  test('that takes too long is not taken where a young one is proven', () => {
    const outlook = { estimateMs: 240_000, proven: taken(9) };
    const decision = decideBackup(known(outlook), WANTED, { maxWait: 60, maxAge: 600 }, NOW);
    expect(decision.take).toBe(false);
    expect(decision.findings).toMatchObject([
      { status: 'ok', blocking: false, title: 'Database backup of 9 min ago: backup-1.dump' },
    ]);
  });

  const POINT: RestorePointOutlook = {
    tool: 'pgBackRest, stanza shop',
    configured: true,
    source: { kind: 'pgbackrest', stanza: 'shop' },
    base: { name: '20260315-020000F', at: new Date(NOW - 8 * 3_600_000).toISOString() },
  };
  const problem = { why: 'It is off.', fix: 'Turn it on.' };
  const withPoint = (estimateMs: number, restorePoint: RestorePointOutlook): Known<DatabaseFacts> => {
    const database = known({ estimateMs });
    return database.known ? { known: true, value: { ...database.value, restorePoint } } : database;
  };

  test('gives way to a restore point that is configured, however short it is', () => {
    const decision = decideBackup(withPoint(1, POINT), WANTED, { maxWait: 60 }, NOW);
    expect(decision).toMatchObject({ take: false, restorePoint: { kind: 'pgbackrest', stanza: 'shop' } });
    expect(decision.findings).toMatchObject([
      {
        status: 'ok',
        blocking: false,
        title: 'Restore point of pgBackRest, stanza shop: recorded instead of a dump',
        evidence: ['Its newest backup, 20260315-020000F, is 8 h old.'],
      },
    ]);
  });

  test('and a restore point that is configured and can not be recorded stops the rollback', () => {
    const decision = decideBackup(withPoint(1, { ...POINT, problem }), WANTED, { maxWait: 60 }, NOW);
    expect(decision.take).toBe(false);
    expect(decision.restorePoint).toBeUndefined();
    expect(decision.findings).toMatchObject([
      {
        status: 'fail',
        blocking: true,
        evidence: ['It is off.'],
        fix: ['Turn it on.', expect.anything(), expect.anything()],
      },
    ]);
  });

  test('gives way to a restore point that was found only where it takes too long', () => {
    const found = { ...POINT, configured: false };
    expect(decideBackup(withPoint(60_000, found), WANTED, { maxWait: 60 }, NOW)).toEqual({
      take: true,
      findings: [],
    });
    const decision = decideBackup(withPoint(60_001, found), WANTED, { maxWait: 60 }, NOW);
    expect(decision).toMatchObject({ take: false, restorePoint: POINT.source });
    expect(decision.findings[0]?.evidence[0]).toContain('is estimated to take 60 s');
    const refused = decideBackup(withPoint(60_001, { ...found, problem }), WANTED, { maxWait: 60 }, NOW);
    expect(refused.restorePoint).toBeUndefined();
    expect(refused.findings).toMatchObject([
      {
        blocking: true,
        evidence: [
          'There is no proven backup of it yet.',
          'It is archived by pgBackRest, stanza shop: It is off.',
        ],
      },
    ]);
  });

  test('is not taken where it is waived or not wanted, however long it takes', () => {
    const outlook = { estimateMs: 240_000 };
    for (const wanted of [
      { ...WANTED, backup: false },
      { ...WANTED, accept: ['backup'], reason: 'the nightly one will do' },
    ]) {
      const { take, findings } = decideBackup(known(outlook), wanted, { maxWait: 60 }, NOW);
      expect(take).toBe(false);
      expect(findings).toMatchObject([{ status: 'skipped', blocking: false }]);
    }
  });

  test('that makes writers wait is warned of', () => {
    const { take, findings } = decideBackup(known({ estimateMs: 1 }, 1500), WANTED, { maxWait: 60 }, NOW);
    expect(take).toBe(true);
    expect(findings).toMatchObject([
      { status: 'warn', headline: false, title: expect.stringContaining('1.5 s') },
    ]);
  });
});
