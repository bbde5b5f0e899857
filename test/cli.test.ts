import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

interface Ended {
  exit: number | null;
  stdout: string;
  stderr: string;
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Runs the built program as a user away from a terminal would. */
function run(words: string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...words], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended: Ended = { exit: null, stdout: '', stderr: '' };
    child.stdout.on('data', (data) => {
      ended.stdout += data;
    });
    child.stderr.on('data', (data) => {
      ended.stderr += data;
    });
    child.on('error', reject);
    child.on('close', (exit) => resolve({ ...ended, exit }));
  });
}

const NO_CONFIGURATION = () => `Error: No rollback.yaml found (CONFIG_NOT_FOUND)
Neither ${folder} nor a folder above it has one.
Name a workload of a Kubernetes cluster: rollback-deploy-auto deployment/NAME -n NAMESPACE
Or write a configuration from what is here: rollback-deploy-auto init (or name a file: --config FILE)
`;

describe('the front door', () => {
  test('-V prints the version of the package', async () => {
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
    expect(await run(['-V'])).toEqual({ exit: 0, stdout: `${version}\n`, stderr: '' });
    expect(await run(['--cli-version'])).toEqual({ exit: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('--help goes to stdout, with exit code 0 and the exit codes', async () => {
    const { exit, stdout, stderr } = await run(['--help']);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toContain('4  refused by a pre-rollback check; nothing changed');
  });

  const rows: [words: string[], stderr: string | (() => string)][] = [
    [
      ['--version'],
      `Error: --version needs the tag to go back to (USAGE)
The version of rollback-deploy-auto itself is printed by -V.
Name a release (rollback-deploy-auto releases lists them), e.g.: rollback-deploy-auto --version v2.14.3, or ask for this program's own version: rollback-deploy-auto -V
`,
    ],
    [
      ['--version', 'v2', 'rolback'],
      `Error: Unknown command "rolback"; did you mean "rollback"? (USAGE)
Commands: rollback, plan, check, releases, restore, migrations, status, resume, abort, history, show, monitor, snapshot, init, doctor, completion, local, help.
See: rollback-deploy-auto --help
`,
    ],
    [
      ['--strategy', 'bluegreen'],
      `Error: Unknown strategy "bluegreen"; did you mean "blue-green"? (USAGE)
Valid are: rolling, blue-green, instant, canary.
Give one of them, e.g.: --strategy rolling
`,
    ],
    [
      ['show', '--ouput', 'json', 'r-1'],
      `Error: Unknown option --ouput of "show"; did you mean "--output"? (USAGE)
Options: --namespace, --context, --kubeconfig, --service, --config, --output.
See: rollback-deploy-auto show --help
`,
    ],
    [['--version', 'v2', 'rollback'], NO_CONFIGURATION],
    [['rollback', '--version', 'v2'], NO_CONFIGURATION],
    [['--version=v2'], NO_CONFIGURATION],
    [['status'], NO_CONFIGURATION],
    [['resume'], NO_CONFIGURATION],
    [
      ['check', '--config', 'gone.yaml'],
      `Error: There is no configuration file gone.yaml (CONFIG_NOT_FOUND)
Write one from what is here: rollback-deploy-auto init
`,
    ],
  ];

  test.each(rows)('%j', async (words, stderr) => {
    const expected = typeof stderr === 'string' ? stderr : stderr();
    expect(await run(words)).toEqual({ exit: 2, stdout: '', stderr: expected });
  });

  test('a broken configuration is told with every problem at its place', async () => {
    await writeFile(
      join(folder, 'rollback.yaml'),
      'services:\n  shop:\n    platform: { kind: lokal, port: 1 }\n    registry: { kind: oci-layout }\n    retenshun: {}\n',
    );
    expect(await run(['--version', 'v2'])).toEqual({
      exit: 2,
      stdout: '',
      stderr: `Error: rollback.yaml has 2 problems (CONFIG_INVALID)
rollback.yaml:3:23  services.shop.platform.kind: unknown platform "lokal"; did you mean "local"? (valid: local, kubernetes)
rollback.yaml:5:5  services.shop.retenshun: unknown key "retenshun"; did you mean "retention"? (valid: platform, registry, metrics, database, configuration, health, good, validation, monitor, backup, retention)
Mend the file, then look again: rollback-deploy-auto doctor
`,
    });
  });

  test('with --output json errors are also a document on stdout', async () => {
    for (const words of [
      ['--output', 'json', 'status'],
      ['status', '--output=json'],
    ]) {
      const { exit, stdout, stderr } = await run(words);
      expect(exit).toBe(2);
      expect(JSON.parse(stdout)).toEqual({
        error: {
          code: 'CONFIG_NOT_FOUND',
          summary: 'No rollback.yaml found',
          detail: `Neither ${folder} nor a folder above it has one.`,
          fix: expect.stringContaining('rollback-deploy-auto init'),
          exit: 2,
        },
      });
      expect(stderr).toBe(NO_CONFIGURATION());
    }
  });
});

describe('init, doctor and completion, as a user runs them', () => {
  test('init writes, names the next command on stderr, and refuses the second time', async () => {
    const first = await run(['init', '--service', 'shop']);
    expect(first).toMatchObject({ exit: 0, stderr: 'Next: rollback-deploy-auto doctor\n' });
    expect(first.stdout).toMatch(/^Wrote rollback\.yaml:\n {2}service shop, from --service\n/);
    expect(await run(['init'])).toEqual({
      exit: 2,
      stdout: '',
      stderr: `Error: rollback.yaml is there already (FILE_EXISTS)
It says something else, and is left as it is.
Edit it, or move it away and run again.
`,
    });
  });

  test('the schema that init points at is there', async () => {
    await run(['init']);
    const path = /\$schema=(.*)\n/.exec(await readFile(join(folder, 'rollback.yaml'), 'utf8'))?.[1] as string;
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ title: 'rollback.yaml' });
  });

  test('init --claude', async () => {
    const path = '.claude/commands/rollback-deploy-auto.md';
    expect(await run(['init', '--claude'])).toEqual({
      exit: 0,
      stdout: `Wrote ${path}.\n`,
      stderr: 'Next: in Claude Code: /rollback-deploy-auto\n',
    });
    expect((await run(['init', '--claude'])).stdout).toBe(`${path} is there already, with the same text.\n`);
  });

  test('doctor without a configuration', async () => {
    expect(await run(['doctor'])).toEqual({
      exit: 1,
      stdout: `  [OK] Node.js ${process.versions.node}
  [FAIL] Configuration: No rollback.yaml found
    Neither ${folder} nor a folder above it has one.
    Name a workload of a Kubernetes cluster: rollback-deploy-auto deployment/NAME -n NAMESPACE
    Or write a configuration from what is here: rollback-deploy-auto init (or name a file: --config FILE)
  [UNKNOWN] State folder, platform, registry, database: not looked at without a configuration

1 thing in the way of a rollback.
`,
      stderr: '',
    });
  });

  test('doctor where no supervisor runs', async () => {
    await run(['init', '--service', 'shop']);
    const { exit, stdout } = await run(['doctor', '--output', 'json']);
    expect(exit).toBe(1);
    const { diagnoses } = JSON.parse(stdout) as {
      diagnoses: { status: string; title: string; fix: string[] }[];
    };
    const failed = diagnoses.filter(({ status }) => status === 'fail');
    expect(failed[0]?.title).toMatch(/^Platform of shop: /);
    expect(failed[0]?.fix.join('\n')).toContain('rollback-deploy-auto local start');
    expect(diagnoses.map(({ title }) => title)).toContain('No run of shop is unfinished');
  });

  test('completion goes from the shell script to the values', async () => {
    expect((await run(['completion', 'bash'])).stdout).toContain('complete --');
    expect((await run(['complete', '--', '--strategy', 'b'])).stdout).toMatch(/^blue-green\t/);
  });

  test('a reader that goes away does not break it', async () => {
    const child = spawn(process.execPath, [CLI, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    const exit = await new Promise((resolve) => child.on('close', resolve));
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  });
});
