import { type Command, Option } from 'commander';
import { ENGINES, type Engine, MIGRATION_FORMATS, type MigrationFormat } from '../model/migration-formats.ts';
import { STRATEGIES, type Strategy } from '../model/plan.ts';
import {
  accept,
  batch,
  canary,
  monitor,
  once,
  oneOf,
  secretNames,
  text,
  timeout,
  version,
} from './option-values.ts';

const BACKUP_VERIFY = ['full', 'read', 'none'] as const;
type BackupVerify = (typeof BACKUP_VERIFY)[number];

export const OUTPUTS = ['text', 'json'] as const;
export type Output = (typeof OUTPUTS)[number];

/** What was typed, as far as it was; defaults are applied by whoever runs the command. */
export interface Values {
  service?: string;
  config?: string;
  output?: Output;
  version?: string;
  strategy?: Strategy;
  backup?: boolean;
  backupVerify?: BackupVerify;
  /** Seconds. */
  timeout?: number;
  dryRun?: boolean;
  reason?: string;
  accept?: string[];
  yes?: boolean;
  /** Seconds. */
  monitor?: number;
  /** Pods that a rolling rollback moves at once. */
  batch?: number;
  /** Run the current release's downs first. */
  reverseMigrations?: boolean;
  /** Names of Secrets. */
  restoreSecrets?: string[];
  namespace?: string;
  context?: string;
  kubeconfig?: string;
  /** `init`: print the rights that are needed in a cluster. */
  rbac?: boolean;
  /** `init --rbac`: who gets them. */
  serviceAccount?: string;
  /** `doctor`: put back what lost runs left. */
  fix?: boolean;
  claude?: boolean;
  attachedToSupervisor?: boolean;
  /** `local deploy`: folder that the image is built from. `migrations`: git ref of the older release. */
  from?: string;
  /** `migrations`: the live database. */
  database?: string;
  /** `migrations`: the old code's queries. */
  queries?: string;
  /** `migrations`: propose a migration that both releases can work with. */
  writeReversal?: boolean;
  /** `migrations`: git ref of the newer release. */
  to?: string;
  /** `migrations`: whose SQL it is. */
  engine?: Engine;
  /** `migrations`: whose files they are. */
  format?: MigrationFormat;
  /** `local deploy`: what an instance runs. */
  entrypoint?: string;
  /** `local deploy`: instances of the version beside the current release. */
  canary?: number;
  /** `-V`. */
  cliVersion?: boolean;
}

const TARGET = 'What to go back to:';
const SAFETY = 'Safety:';
const CLUSTER = 'Kubernetes:';
export const GENERAL = 'General:';

/** Options of `rollback`, of the default command and of `plan`. */
export function addRollbackOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--version <TAG>', 'release to go back to (default: "previous", the last known good one)')
        .argParser(once('--version', version))
        .helpGroup(TARGET),
    )
    .addOption(
      new Option('--strategy <NAME>', `${STRATEGIES.join(', ')} (default: "rolling")`)
        .argParser(once('--strategy', oneOf('--strategy', 'strategy', STRATEGIES)))
        .helpGroup(TARGET),
    )
    .addOption(new Option('--backup', 'back up the database first (default)').helpGroup(SAFETY))
    .addOption(new Option('--no-backup', 'do not').helpGroup(SAFETY))
    .addOption(
      new Option(
        '--backup-verify <HOW>',
        'full: restore and compare; read: read whole; none (default: configured, else full)',
      )
        .argParser(once('--backup-verify', oneOf('--backup-verify', 'way', BACKUP_VERIFY)))
        .helpGroup(SAFETY),
    )
    .addOption(
      new Option('--timeout <SECONDS>', 'from the first move to the end of validation (default: 300)')
        .argParser(once('--timeout', timeout))
        .helpGroup(SAFETY),
    )
    .addOption(
      new Option(
        '--monitor <TIME>',
        'keep watching afterwards, e.g. 30m; 0 for not at all (default: configured)',
      )
        .argParser(once('--monitor', monitor))
        .helpGroup(SAFETY),
    )
    .addOption(
      new Option(
        '--batch <PODS>',
        'Kubernetes: pods that rolling moves at once (default: configured, else 1)',
      )
        .argParser(once('--batch', batch))
        .helpGroup(SAFETY),
    )
    .addOption(
      new Option('--restore-secrets <NAME,...>', 'Kubernetes: Secrets that go back with the release')
        .argParser(secretNames)
        .helpGroup(SAFETY),
    )
    .addOption(
      new Option(
        '--reverse-migrations',
        "take back, before anything moves, the migrations that the target lacks: by the current release's downs",
      ).helpGroup(SAFETY),
    )
    .addOption(new Option('--dry-run', 'the whole plan and all checks; nothing is changed').helpGroup(SAFETY))
    .addOption(new Option('--dry_run').hideHelp())
    .addOption(
      new Option('--accept <CHECK,...>', 'go on though these checks stop it; needs --reason')
        .argParser(accept)
        .helpGroup(SAFETY),
    )
    .addOption(
      new Option('--reason <TEXT>', 'why; kept in the record')
        .argParser(once('--reason', text('--reason')))
        .helpGroup(SAFETY),
    )
    .addOption(new Option('-y, --yes', 'do not ask').helpGroup(SAFETY));
}

/** Which cluster and namespace, as kubectl takes them. */
export function addClusterOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-n, --namespace <NAME>', "namespace of the workload (default: the context's)")
        .argParser(once('--namespace', text('--namespace')))
        .helpGroup(CLUSTER),
    )
    .addOption(
      new Option('--context <NAME>', 'context of the kubeconfig (default: the current one)')
        .argParser(once('--context', text('--context')))
        .helpGroup(CLUSTER),
    )
    .addOption(
      new Option('--kubeconfig <FILE>', 'kubeconfig (default: $KUBECONFIG, else ~/.kube/config)')
        .argParser(once('--kubeconfig', text('--kubeconfig')))
        .helpGroup(CLUSTER),
    );
}

/** Options that every command takes, before or after its name. */
export function addGeneralOptions(command: Command): Command {
  return addOutputOption(
    command
      .addOption(
        new Option('--service <NAME>', 'service of the configuration (default: its only one)')
          .argParser(once('--service', text('--service')))
          .helpGroup(GENERAL),
      )
      .addOption(
        new Option('--config <FILE>', 'configuration (default: the nearest rollback.yaml, from here upward)')
          .argParser(once('--config', text('--config')))
          .helpGroup(GENERAL),
      ),
  );
}

/** How a result is written, for every command that has one. */
function addOutputOption(command: Command): Command {
  return command.addOption(
    new Option('--output <FORMAT>', 'text or json (default: "text")')
      .argParser(once('--output', oneOf('--output', 'output format', OUTPUTS)))
      .helpGroup(GENERAL),
  );
}

/** Options of `migrations`, which needs no service. */
export function addMigrationsOptions(command: Command): Command {
  return addOutputOption(
    command
      .addOption(
        new Option('--engine <NAME>', `${ENGINES.join(', ')} (default: as the files say)`).argParser(
          once('--engine', oneOf('--engine', 'engine', ENGINES)),
        ),
      )
      .addOption(
        new Option('--format <NAME>', 'tool whose files they are (default: as the files say)').argParser(
          once('--format', oneOf('--format', 'migration format', MIGRATION_FORMATS)),
        ),
      )
      .addOption(
        new Option(
          '--from <TAG>',
          'git ref of the release to go back to; what came since is judged',
        ).argParser(once('--from', text('--from'))),
      )
      .addOption(
        new Option(
          '--to <TAG>',
          'git ref of the newer release (default: the files as they are here)',
        ).argParser(once('--to', text('--to'))),
      )
      .addOption(
        new Option(
          '--database <URL>',
          'live database to compare with: URL without a password, env:NAME, file:PATH, or an SQLite file',
        ).argParser(once('--database', text('--database'))),
      )
      .addOption(
        new Option(
          '--queries <PATH>',
          "the old code's queries, prepared on that database: SQL, schema.prisma, columns by table, or pg_stat_statements",
        ).argParser(once('--queries', text('--queries'))),
      )
      .addOption(
        new Option(
          '--write-reversal',
          'write a new migration, to be reviewed, that lets the old code run as well; needs --from',
        ),
      ),
  );
}

/** Options of `restore`. */
export function addRestoreOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--accept <LOSS>',
        'data-loss:DATABASE, to lose what was written since; needs --reason',
      ).argParser(accept),
    )
    .addOption(
      new Option('--reason <TEXT>', 'why; kept in the record').argParser(once('--reason', text('--reason'))),
    );
}

/** Options of `local deploy`. */
export function addDeployOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--from <FOLDER>',
        'build the image from this folder (default: the image is there already)',
      ).argParser(once('--from', text('--from'))),
    )
    .addOption(
      new Option('--entrypoint <COMMAND>', 'what an instance runs, e.g. "node server.mjs"').argParser(
        once('--entrypoint', text('--entrypoint')),
      ),
    )
    .addOption(
      new Option('--canary <INSTANCES>', 'only so many instances, beside the current release').argParser(
        once('--canary', canary),
      ),
    );
}

/** Options of `init` for a cluster. */
export function addRbacOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--rbac', 'print the rights that are needed in a namespace, for kubectl').helpGroup(CLUSTER),
    )
    .addOption(
      new Option('--service-account <NAME>', 'who gets them (default: "rollback-deploy-auto")')
        .argParser(once('--service-account', text('--service-account')))
        .helpGroup(CLUSTER),
    );
}
