import { describe, expect, it } from 'vitest';
import type { RunRecord } from '../src/model/record.ts';
import type { ReleaseRow, ServiceStatus } from '../src/model/views.ts';
import { historyTable } from '../src/report/history-table.ts';
import { recordMarkdown } from '../src/report/record-markdown.ts';
import { recordText } from '../src/report/record-text.ts';
import { releasesTable } from '../src/report/releases-table.ts';
import { statusText } from '../src/report/status-text.ts';
import { at, BACKUP, errorRate, finding, headlines, health, old, RUN, target } from './report-fixtures.ts';

const noun = { one: 'instance', many: 'instances' };
const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;
const holder = { host: 'build-7', user: 'ana', pid: 4711, processStart: '1' };

const record: RunRecord = {
  format: 1,
  runId: RUN,
  service: 'shop',
  target: 'local/shop',
  noun,
  reason: 'checkout errors | since 10:20',
  by: 'ana@build-7',
  holders: [{ at: at(0), purpose: 'run', holder }],
  startedAt: at(0),
  endedAt: at(154),
  from: { id: old.id, version: old.version, digest: old.image.digest },
  to: { id: target.id, version: target.version, digest: target.image.digest },
  strategy: 'rolling',
  end: 'target',
  exit: 0,
  production: '3 instances of v2.14.3 serve.',
  why: 'All on v2.14.3.',
  checks: [
    ...headlines.slice(0, 1),
    finding('fail', 'Migration <b> drops orders.note', {
      evidence: ['DROP COLUMN note;'],
      waived: { reason: 'unused' },
    }),
  ],
  validation: [health, errorRate],
  steps: [
    { id: 'start-instance:1/3', phase: 'move', state: 'done', at: at(12), tookMs: 8_400, error: undefined },
    {
      id: 'start-instance:2/3',
      phase: 'move',
      state: 'failed',
      at: at(20),
      tookMs: undefined,
      error: { code: 'START_TIMEOUT', summary: 'Not healthy', detail: undefined, fix: undefined },
    },
  ],
  movedMs: 142_000,
  durationMs: 154_000,
  failedRequests: 0,
  requests: 4_170,
  drained: { how: ['connections', 'bound'], longestMs: 1_240, cut: 12, unseen: 1 },
  reconcilers: [
    { name: 'argo-cd/argocd/shop', resumed: true, why: 'In sync with git.', fix: undefined },
    { name: 'flux-kustomization/shop/shop', resumed: false, why: 'Not known.', fix: 'flux resume it' },
  ],
  backup: { name: BACKUP, path: `.rollback/backups/${BACKUP}`, sha256: 'c'.repeat(64), bytes: 1_536_000 },
  monitor: {
    state: 'watching',
    since: at(154),
    until: at(1_954),
    lookedAt: at(200),
    requests: 9_000,
    errors: 1,
    errorRate: 1 / 9_000,
    p95Ms: 144.6,
    notes: [],
  },
  planHash: 'd'.repeat(64),
};

const unended: RunRecord = {
  ...record,
  runId: 'r-20260315-113000-0001',
  reason: undefined,
  endedAt: undefined,
  end: undefined,
  exit: undefined,
  backup: undefined,
  monitor: undefined,
  failedRequests: undefined,
  requests: undefined,
  drained: undefined,
  reconcilers: [],
  movedMs: undefined,
  checks: [],
  validation: [],
  steps: [],
};

describe('record', () => {
  it('reads as Markdown', () => {
    expect(recordMarkdown(record)).toBe(`# Rollback of shop: v2.14.4 to v2.14.3

ana@build-7 rolled shop back from v2.14.4 to v2.14.3 (rolling), begun 2026-03-15 10:32:00 UTC. It ended on v2.14.3 after 2m 34s: All on v2.14.3. 3 instances of v2.14.3 serve.

|  |  |
| --- | --- |
| From | v2.14.4 (r4, \`${B}\`) |
| To | v2.14.3 (r3, \`${A}\`) |
| Who | ana@build-7 |
| When | 2026-03-15 10:32:00 UTC to 2026-03-15 10:34:34 UTC (2m 34s) |
| Why | checkout errors \\| since 10:20 |
| Strategy | rolling |
| Target | local/shop |
| Run | \`${RUN}\` |
| Exit code | 0 |
| Plan hash | \`${'d'.repeat(64)}\` |

## Pre-rollback checks

- **OK** Target version v2.14.3 image exists in registry
  - not to be seen
- **FAIL** Migration \\<b\\> drops orders.note
  - DROP COLUMN note;
  - waived: unused

## What moved

| When | Phase | Step | State | Took |
| --- | --- | --- | --- | --- |
| 2026-03-15 10:32:12 UTC | move | \`start-instance:1/3\` | done | 8.4s |
| 2026-03-15 10:32:20 UTC | move | \`start-instance:2/3\` | failed: Not healthy (START_TIMEOUT) |  |

From the first move to the end: 2m 22s.

## Requests failed

0 of 4170.

## Connections cut

12, and those of 1 instance could not be seen. Drained: told by connections, bound; the longest in 1.2s.

## Reconcilers

- argo-cd/argocd/shop was resumed: In sync with git.
- flux-kustomization/shop/shop stays suspended: Not known.
- flux resume it

## Backup

- \`${BACKUP}\`, 1.5 MB
- Path: \`.rollback/backups/${BACKUP}\`
- SHA-256: \`${'c'.repeat(64)}\`

## Validation

- **OK** Health endpoint: 200 OK
- **OK** Error rate: 0.01% (within baseline)

## Monitor

- Watching since 2026-03-15 10:34:34 UTC, until 2026-03-15 11:04:34 UTC.
- Last look 2026-03-15 10:35:20 UTC: 9000 requests, 1 failed (0.01%), p95 145ms.

## Forward fix

### What was wrong

### How it will be fixed

### What will keep it from happening again

### Who, and by when
`);
  });

  it('says in Markdown what is not known or not there', () => {
    const markdown = recordMarkdown(unended);
    expect(markdown).toContain('It has no end yet: All on v2.14.3.');
    expect(markdown).toContain('| Why | not given |');
    expect(markdown).toContain('## Requests failed\n\nNot known.');
    expect(markdown).toContain('## Connections cut\n\nNone: nothing was drained.\n\n## Backup');
    expect(markdown).toContain('## Backup\n\nNone taken.');
    expect(markdown).toContain('## What moved\n\nNothing.');
    expect(markdown).toContain('## Pre-rollback checks\n\nNo check was made.');
    expect(markdown).toContain('## Validation\n\nNothing was validated.');
    expect(markdown).toContain('## Monitor\n\nNot watched.');
  });

  it('reads as text', () => {
    expect(recordText(record)).toBe(`Run:              ${RUN}
Target:           local/shop
From:             v2.14.4 (r4, ${B})
To:               v2.14.3 (r3, ${A})
Strategy:         rolling
Reason:           checkout errors | since 10:20
By:               ana@build-7
Started:          2026-03-15 10:32:00 UTC
Took:             2m 34s, of which moving 2m 22s
Outcome:          on target, watched (exit code 0)
Why:              All on v2.14.3.
Production:       3 instances of v2.14.3 serve.
Requests failed:  0 of 4170
Drained:          told by connections, bound; the longest in 1.2s
Connections cut:  12, and those of 1 instance could not be seen
Backup:           .rollback/backups/${BACKUP}, 1.5 MB
                  SHA-256 ${'c'.repeat(64)}
Plan hash:        ${'d'.repeat(64)}

Held by:
  2026-03-15 10:32:00 UTC  run  ana on build-7, process 4711

Pre-rollback checks:
  [OK] Target version v2.14.3 image exists in registry
  [FAIL] Migration <b> drops orders.note
    DROP COLUMN note;
    waived: unused

Steps:
  2026-03-15 10:32:12 UTC  move  start-instance:1/3  done in 8.4s
  2026-03-15 10:32:20 UTC  move  start-instance:2/3  failed
    Not healthy (START_TIMEOUT)

Reconcilers:
  flux-kustomization/shop/shop stays suspended: Not known.
    flux resume it

Post-rollback validation:
  [OK] Health endpoint: 200 OK
  [OK] Error rate: 0.01% (within baseline)

Monitor:
  Watching since 2026-03-15 10:34:34 UTC, until 2026-03-15 11:04:34 UTC.
  Last look 2026-03-15 10:35:20 UTC: 9000 requests, 1 failed (0.01%), p95 145ms.`);
  });
});

describe('history', () => {
  it('lists runs', () => {
    const refused: RunRecord = { ...record, end: 'unchanged', exit: 4, reason: 'try', durationMs: 900 };
    expect(historyTable([unended, record, refused])).toBe(
      `RUN                     STARTED (UTC)     FROM -> TO          STRATEGY  OUTCOME             TOOK    BY           REASON
r-20260315-113000-0001  2026-03-15 10:32  v2.14.4 -> v2.14.3  rolling   unfinished                  ana@build-7  not given
r-20260315-103200-7f3a  2026-03-15 10:32  v2.14.4 -> v2.14.3  rolling   on target, watched  2m 34s  ana@build-7  checkout errors | since 10:20
r-20260315-103200-7f3a  2026-03-15 10:32  v2.14.4 -> v2.14.3  rolling   refused             0.9s    ana@build-7  try`,
    );
  });

  it('reads well where there is none', () => expect(historyTable([])).toBe('No run yet.'));

  it.each([
    [{ end: 'target', exit: 5 }, 'not confirmed'],
    [{ end: 'start', exit: 1 }, 'back at start'],
    [{ end: 'unchanged', exit: 1 }, 'nothing changed'],
    [{ end: 'target', exit: 0, monitor: undefined }, 'on target'],
    [{ end: 'target', exit: 0, monitor: { ...record.monitor, state: 'resolved' } }, 'resolved'],
    [{ end: 'target', exit: 0, monitor: { ...record.monitor, state: 'regressed' } }, 'regressed'],
  ])('%o is %s', (fields, outcome) => {
    const [, row] = historyTable([{ ...record, ...fields } as RunRecord]).split('\n');
    expect(row?.split(/ {2,}/)[4]).toBe(outcome);
  });
});

describe('releases', () => {
  it('lists them with the evidence for and against', () => {
    const row = (release: typeof old, more: Partial<ReleaseRow>): ReleaseRow => ({
      release: { id: release.id, version: release.version, digest: release.image.digest },
      deployedAt: release.deployedAt,
      current: false,
      verdict: 'good',
      for: [],
      against: [],
      image: 'present',
      tagMoved: false,
      ...more,
    });
    const rows = [
      row(old, { current: true, verdict: 'bad', against: ['5.00% of 12000 requests failed'] }),
      row(target, { for: ['0.01% of 90000 requests failed', 'no crash'], tagMoved: true }),
      row({ ...target, id: 'r2', version: 'v2.14.2' }, { verdict: 'unknown', image: 'missing' }),
    ];
    expect(releasesTable(rows)).toBe(`VERSION  RELEASE  DEPLOYED (UTC)    VERDICT  IMAGE
v2.14.4  r4       2026-03-14 10:32  bad      present  current
  - 5.00% of 12000 requests failed
v2.14.3  r3       2026-03-14 10:32  good     present  tag moved since
  + 0.01% of 90000 requests failed
  + no crash
v2.14.2  r2       2026-03-14 10:32  unknown  missing`);
  });

  it('reads well where there is none', () => expect(releasesTable([])).toBe('No release yet.'));
});

describe('status', () => {
  const status: ServiceStatus = {
    target: 'local/shop',
    noun,
    current: record.from,
    instances: [
      { slot: 1, version: 'v2.14.3', state: 'ready', inRotation: true, inFlight: 4 },
      { slot: 1, version: 'v2.14.4', state: 'draining', inRotation: false, inFlight: 14 },
    ],
    desired: 1,
    traffic: { serving: [{ version: 'v2.14.3', instances: 1 }], draining: 14 },
  };

  it('tells what runs and who moves it', () => {
    const lost: ServiceStatus = {
      ...status,
      canary: record.to,
      run: {
        runId: RUN,
        state: 'lost',
        startedBy: 'ana on build-7 (process 4711)',
        startedAt: at(0),
        lastHeartbeat: at(9),
        epoch: 3,
        step: 'Draining traffic from current instances',
        takeOver: `rollback-deploy-auto resume ${RUN}`,
      },
      monitor: {
        runId: 'r-1',
        result: {
          state: 'regressed',
          since: at(0),
          until: at(60),
          lookedAt: undefined,
          requests: 0,
          errors: 0,
          errorRate: undefined,
          p95Ms: undefined,
          notes: ['Error rate 2.00%, limit 0.51%'],
        },
      },
    };
    expect(statusText(lost)).toBe(`Target: local/shop, 1 instance
Current version: v2.14.4 (r4)
Canary: v2.14.3 (r3)
Traffic: 1/1 on v2.14.3, 14 requests draining

INSTANCE  VERSION  STATE     IN ROTATION  IN FLIGHT
1         v2.14.3  ready     yes          4
1         v2.14.4  draining  no           14

Run ${RUN} was left by its client and can be resumed.
  Started by:      ana on build-7 (process 4711)
  Started at:      2026-03-15 10:32:00 UTC
  Last heartbeat:  2026-03-15 10:32:09 UTC (epoch 3)
  Was doing:       Draining traffic from current instances
  To take over:    rollback-deploy-auto resume ${RUN}

Monitor of r-1:
  Regressed: watched since 2026-03-15 10:32:00 UTC, not as it should be.
  Not looked yet.
  Error rate 2.00%, limit 0.51%.`);
  });

  it('reads well before the first deployment', () => {
    const empty = {
      target: 'local/shop',
      noun,
      instances: [],
      desired: 3,
      traffic: { serving: [], draining: 0 },
    };
    expect(statusText(empty)).toBe(`Target: local/shop, 3 instances
Current version: nothing deployed yet

No run in progress.`);
  });
});
