import { describe, expect, test } from 'vitest';
import { createProgram, type Invocation } from '../src/cli/program.ts';
import type { RollbackError } from '../src/model/error.ts';

async function parse(...words: string[]): Promise<Invocation> {
  let seen: Invocation | undefined;
  await createProgram(async (invocation) => {
    seen = invocation;
  }).parseAsync(['node', 'cli.js', ...words]);
  if (!seen) throw new Error('nothing was run');
  return seen;
}

async function refusal(...words: string[]): Promise<RollbackError> {
  return parse(...words).then(
    (invocation) => {
      throw new Error(`was accepted: ${JSON.stringify(invocation)}`);
    },
    (error) => error,
  );
}

describe('what is typed is what is meant', () => {
  const rows: [words: string, command: string, values: object, operands?: string[]][] = [
    ['', 'rollback', {}],
    ['--version v2', 'rollback', { version: 'v2' }],
    ['--version=v2', 'rollback', { version: 'v2' }],
    ['--version v2 rollback', 'rollback', { version: 'v2' }],
    ['rollback --version v2', 'rollback', { version: 'v2' }],
    ['rollback --version=v2', 'rollback', { version: 'v2' }],
    ['--version v2 rollback --version v2', 'rollback', { version: 'v2' }],
    ['--version v2 plan', 'plan', { version: 'v2' }],
    ['--version 2.10', 'rollback', { version: '2.10' }],
    ['--version previous', 'rollback', { version: 'previous' }],
    ['--strategy canary', 'rollback', { strategy: 'canary' }],
    ['--no-backup', 'rollback', { backup: false }],
    ['--backup', 'rollback', { backup: true }],
    ['rollback --no-backup --backup', 'rollback', { backup: true }],
    ['--timeout 90', 'rollback', { timeout: 90 }],
    ['--timeout 5m', 'rollback', { timeout: 300 }],
    ['--monitor 30m', 'rollback', { monitor: 1800 }],
    ['--monitor 0', 'rollback', { monitor: 0 }],
    ['--dry-run', 'rollback', { dryRun: true }],
    ['--dry_run', 'rollback', { dryRun: true }],
    ['rollback --dry_run', 'rollback', { dryRun: true }],
    [
      '--accept registry,retention --reason x',
      'rollback',
      { accept: ['registry', 'retention'], reason: 'x' },
    ],
    [
      '--accept registry rollback --accept retention --reason x',
      'rollback',
      { accept: ['registry', 'retention'], reason: 'x' },
    ],
    ['-y', 'rollback', { yes: true }],
    [
      '--yes --service shop --config a.yaml --output json',
      'rollback',
      { yes: true, service: 'shop', config: 'a.yaml', output: 'json' },
    ],
    ['--output json status', 'status', { output: 'json' }],
    ['status --output json', 'status', { output: 'json' }],
    ['resume', 'resume', {}, []],
    ['resume r-1', 'resume', {}, ['r-1']],
    ['abort r-1 --yes', 'abort', { yes: true }, ['r-1']],
    ['show r-1 --output json', 'show', { output: 'json' }, ['r-1']],
    ['monitor r-1 --attached-to-supervisor', 'monitor', { attachedToSupervisor: true }, ['r-1']],
    ['init --claude', 'init', { claude: true }],
    ['completion zsh', 'completion', {}, ['zsh']],
    ['local start', 'local start', {}, []],
    ['--config x.yaml local deploy v2', 'local deploy', { config: 'x.yaml' }, ['v2']],
    ['local deploy v2 --from build --canary 1', 'local deploy', { from: 'build', canary: 1 }, ['v2']],
    ['migrations', 'migrations', {}, []],
    ['migrations a b/c.sql --engine mysql', 'migrations', { engine: 'mysql' }, ['a', 'b/c.sql']],
    [
      '--output json migrations --format goose --from v1 --to v2',
      'migrations',
      { output: 'json', format: 'goose', from: 'v1', to: 'v2' },
      [],
    ],
    ['-V', 'version', { cliVersion: true }],
    ['--cli-version', 'version', { cliVersion: true }],
    ['complete -- --version v', 'complete', {}, ['--version', 'v']],
  ];

  test.each(rows)('%s', async (words, command, values, operands) => {
    const seen = await parse(...words.split(' ').filter((word) => word !== ''));
    expect(seen.command).toBe(command);
    expect(seen.values).toEqual(values);
    if (operands) expect(seen.operands).toEqual(operands);
  });

  const workloads: [words: string, command: string, workload: string, operands: string[]][] = [
    ['deployment/api', 'rollback', 'deployment/api', []],
    ['deploy/api --version v2 -n shop', 'rollback', 'deployment/api', []],
    ['-n shop deployments.apps/api', 'rollback', 'deployment/api', []],
    ['rollback deployment.v1.apps/api', 'rollback', 'deployment/api', []],
    ['deployment api', 'rollback', 'deployment/api', []],
    ['Deployment status', 'rollback', 'deployment/status', []],
    ['plan sts/db', 'plan', 'statefulset/db', []],
    ['status ds agent', 'status', 'daemonset/agent', []],
    ['releases rollout/x', 'releases', 'rollout/x', []],
    ['resume deployment/api', 'resume', 'deployment/api', []],
    ['resume deployment/api r-1', 'resume', 'deployment/api', ['r-1']],
    ['abort r-1 deployment/api', 'abort', 'deployment/api', ['r-1']],
    ['show deploy api last', 'show', 'deployment/api', ['last']],
    ['monitor rollouts.argoproj.io/x r-1', 'monitor', 'rollout/x', ['r-1']],
    ['snapshot deployment/api.v2', 'snapshot', 'deployment/api.v2', []],
    ['doctor deployment/api --fix', 'doctor', 'deployment/api', []],
  ];
  test.each(workloads)('the workload of: %s', async (words, command, workload, operands) => {
    const seen = await parse(...words.split(' '));
    expect(seen).toMatchObject({ command, workload, operands });
  });

  test('cluster, namespace, batch and secrets', async () => {
    const words = '-n shop --context prod --kubeconfig k deployment/api --batch 5 --restore-secrets a,b';
    expect((await parse(...words.split(' '), '--restore-secrets', 'b,c')).values).toEqual({
      namespace: 'shop',
      context: 'prod',
      kubeconfig: 'k',
      batch: 5,
      restoreSecrets: ['a', 'b', 'c'],
    });
    expect((await parse('init', '--rbac', '-n', 'shop', '--service-account', 'ci')).values).toEqual({
      rbac: true,
      namespace: 'shop',
      serviceAccount: 'ci',
    });
  });

  test.each([
    [
      'deploymnt/api',
      'WORKLOAD_KIND_UNKNOWN',
      'Unknown kind of workload "deploymnt"; did you mean "deployment"?',
    ],
    ['deployment.batch/api', 'WORKLOAD_KIND_UNKNOWN', 'Unknown kind of workload "deployment.batch"'],
    ['status pod/api-1', 'WORKLOAD_KIND_UNKNOWN', 'Unknown kind of workload "pod"'],
    ['deployment/', 'WORKLOAD_INVALID', 'The deployment is not named'],
    ['deployment', 'WORKLOAD_INVALID', 'The deployment is not named'],
    ['deployment/Api', 'WORKLOAD_INVALID', '"Api" cannot be the name of a deployment'],
    ['deployment/a/b', 'WORKLOAD_INVALID', '"a/b" cannot be the name of a deployment'],
  ])('%s is no workload', async (words, code, summary) => {
    const error = await refusal(...words.split(' '));
    expect(error).toMatchObject({ code, exit: 2 });
    expect(error.summary).toContain(summary);
  });

  test('a reason of several words', async () => {
    expect((await parse('--reason', 'checkout fails: 5 %')).values.reason).toBe('checkout fails: 5 %');
  });
});

describe('help', () => {
  test.each([
    ['--help', 'Exit codes:'],
    ['help', 'Exit codes:'],
    ['help show', 'The record of a run.'],
    ['show --help', 'The record of a run.'],
    ['help local deploy', 'local deploy v2.14.4'],
    ['rollback -h', 'Ctrl-C once'],
  ])('%s', async (words, expected) => {
    let printed = '';
    const program = createProgram(async () => {
      throw new Error('was run');
    });
    for (const command of [
      program,
      ...program.commands,
      ...program.commands.flatMap((one) => one.commands),
    ]) {
      command.configureOutput({
        ...command.configureOutput(),
        writeOut: (text) => {
          printed += text;
        },
      });
    }
    await expect(program.parseAsync(['node', 'cli.js', ...words.split(' ')])).rejects.toMatchObject({
      exitCode: 0,
    });
    expect(printed).toContain(expected);
  });

  test('on a command that does not exist', async () => {
    expect(await refusal('help', 'shwo')).toMatchObject({
      summary: 'Unknown command "shwo"; did you mean "show"?',
      exit: 2,
    });
  });
});

describe('what is wrong is said with what, why and what next', () => {
  const rows: [words: string, summary: string, detail: string | undefined, fix: string][] = [
    [
      '--version',
      '--version needs the tag to go back to',
      'The version of rollback-deploy-auto itself is printed by -V.',
      "Name a release (rollback-deploy-auto releases lists them), e.g.: rollback-deploy-auto --version v2.14.3, or ask for this program's own version: rollback-deploy-auto -V",
    ],
    [
      '--version --strategy rolling',
      '--version needs the tag to go back to',
      'It is followed by --strategy. The version of rollback-deploy-auto itself is printed by -V.',
      "Name a release (rollback-deploy-auto releases lists them), e.g.: rollback-deploy-auto --version v2.14.3, or ask for this program's own version: rollback-deploy-auto -V",
    ],
    [
      '--version v1 rollback --version v2',
      '--version is given twice',
      'Once as "v1" and once as "v2".',
      'Give it once: --version v2',
    ],
    [
      '--version v1 --version v2',
      '--version is given twice',
      'Once as "v1" and once as "v2".',
      'Give it once: --version v2',
    ],
    [
      '--version shop:v2',
      '"shop:v2" cannot be a version',
      'A tag has letters, digits, ".", "_" and "-", and at most 128 of them.',
      'See what there is: rollback-deploy-auto releases',
    ],
    [
      '--strategy bluegreen',
      'Unknown strategy "bluegreen"; did you mean "blue-green"?',
      'Valid are: rolling, blue-green, instant, canary.',
      'Give one of them, e.g.: --strategy rolling',
    ],
    [
      '--strategy recreate',
      'Unknown strategy "recreate"',
      'Valid are: rolling, blue-green, instant, canary.',
      'Give one of them, e.g.: --strategy rolling',
    ],
    ['--strategy', '--strategy needs a value', undefined, 'See: rollback-deploy-auto --help'],
    [
      '--timeout soon',
      '--timeout must be a number of seconds above 0, not "soon"',
      'It covers the first move to the end of validation.',
      'Give seconds, or a duration such as 5m, e.g.: --timeout 300',
    ],
    [
      '--timeout 0',
      '--timeout must be a number of seconds above 0, not "0"',
      'It covers the first move to the end of validation.',
      'Give seconds, or a duration such as 5m, e.g.: --timeout 300',
    ],
    [
      '--monitor later',
      '--monitor must be a duration, not "later"',
      'It is the time to keep watching after validation.',
      'Give a duration such as 90s, 30m or 1h, or 0 for not at all, e.g.: --monitor 30m',
    ],
    [
      '--accept migratons --reason x',
      'Unknown check "migratons"; did you mean "migrations"?',
      'Checks that can be accepted: target, registry, migrations, configuration, backup, retention, capacity, downtime, ownership, rights, timeout, platform, and data-loss:NAME.',
      'See which of them stop the rollback: rollback-deploy-auto check',
    ],
    [
      '--accept lease --reason x',
      'The lease cannot be waived',
      'It keeps two rollbacks from moving the same service at once.',
      'See who holds it, and how to take over: rollback-deploy-auto status',
    ],
    [
      '--accept registry',
      '--accept needs a reason',
      'Going on though a check stops it is recorded with why.',
      'Add one: --accept registry --reason "..."',
    ],
    [
      '--output yaml',
      'Unknown output format "yaml"',
      'Valid are: text, json.',
      'Give one of them, e.g.: --output text',
    ],
    [
      'rolback',
      'Unknown command "rolback"; did you mean "rollback"?',
      'Commands: rollback, plan, check, releases, restore, migrations, status, resume, abort, history, show, monitor, snapshot, init, doctor, completion, local, help.',
      'See: rollback-deploy-auto --help',
    ],
    [
      'local strat',
      'Unknown command "local strat"; did you mean "start"?',
      'Commands: start, deploy, status, stop.',
      'See: rollback-deploy-auto local --help',
    ],
    [
      'local',
      'local needs a command',
      'Commands: start, deploy, status, stop.',
      'See: rollback-deploy-auto local --help',
    ],
    [
      'show',
      'show needs RUN',
      'RUN is the id of the run, the beginning of it, or "last".',
      'See: rollback-deploy-auto show --help',
    ],
    [
      'show a b',
      'show takes one run, and a workload as KIND/NAME',
      'It was given: a, b.',
      'See: rollback-deploy-auto show --help',
    ],
    [
      'status now',
      'status takes no operand but a workload as KIND/NAME',
      'It was given: now.',
      'See: rollback-deploy-auto status --help',
    ],
    [
      '--version v2 status',
      '--version does not belong to "status"',
      'It is an option of rollback, plan and check.',
      'Leave it out, or see what status takes: rollback-deploy-auto status --help',
    ],
    [
      'status --version v2',
      'Unknown option --version of "status"',
      'Options: --namespace, --context, --kubeconfig, --service, --config, --output.',
      'See: rollback-deploy-auto status --help',
    ],
    [
      '-n shop local status',
      '--namespace does not belong to "status"',
      'It is an option of rollback, plan, check, releases, status, resume, abort, history, show, monitor, snapshot, init and doctor.',
      'Leave it out, or see what status takes: rollback-deploy-auto status --help',
    ],
    [
      '--batch none',
      '--batch must be a number of pods above 0, not "none"',
      'So many are moved at once, and so many more run meanwhile.',
      'E.g.: --batch 10',
    ],
    [
      'completion powershell',
      'Unknown shell "powershell"',
      'Valid are: bash, zsh, fish.',
      'E.g.: rollback-deploy-auto completion bash',
    ],
    [
      'local deploy v2 --canary none',
      '--canary must be a number of instances above 0, not "none"',
      'They take their share of the traffic beside the current release.',
      'E.g.: --canary 1',
    ],
    ['--yes=true', '--yes takes no value', 'It was given as --yes=true.', 'Write it alone: --yes'],
  ];

  test.each(rows)('%s', async (words, summary, detail, fix) => {
    expect(await refusal(...words.split(' '))).toMatchObject({
      code: 'USAGE',
      summary,
      detail,
      fix,
      exit: 2,
    });
  });

  test.each([
    ['--verison v2', 'Unknown option --verison; did you mean "--version"?'],
    ['--verison=v2', 'Unknown option --verison; did you mean "--version"?'],
    ['rollback --dryrun', 'Unknown option --dryrun of "rollback"; did you mean "--dry-run"?'],
    ['--force', 'Unknown option --force'],
    ['-x', 'Unknown option -x'],
  ])('%s', async (words, summary) => {
    const error = await refusal(...words.split(' '));
    expect(error).toMatchObject({ code: 'USAGE', summary, exit: 2 });
    expect(error.detail).toContain('--version, --strategy, --backup');
    expect(error.detail).not.toContain('dry_run');
  });

  test('an empty value', async () => {
    expect(await refusal('--version', '')).toMatchObject({
      summary: '--version needs the tag to go back to',
      exit: 2,
    });
    expect(await refusal('--version=')).toMatchObject({
      summary: '--version needs the tag to go back to',
      exit: 2,
    });
  });
});
