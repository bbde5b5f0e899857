/** Ends the main help. */
export const MAIN_HELP = `
Without a command it goes back: it plans, checks, asks once, moves the traffic and validates.

Examples:
  $ rollback-deploy-auto                                   to the last known good release, rolling
  $ rollback-deploy-auto --version v2.14.3 --strategy blue-green
  $ rollback-deploy-auto --version v2.14.3 --dry-run       everything but moving
  $ rollback-deploy-auto releases                          what there is to go back to
  $ rollback-deploy-auto resume                            go on after an interruption
  $ rollback-deploy-auto deployment/api -n shop --version v2.14.3
                                                           on Kubernetes, without a configuration

KIND/NAME is a workload of a Kubernetes cluster, as kubectl takes it: deployment, statefulset, daemonset
or rollout. It needs no configuration, and may follow every command that works on a service.

Exit codes:
  0  done
  1  failed; production stands where the message says
  2  wrong usage or configuration; nothing was tried
  3  interrupted; "resume" goes on
  4  refused by a pre-rollback check; nothing changed
  5  on the target, but validation did not confirm it

Results go to stdout, progress and questions to stderr. Away from a terminal a typed --version is
consent; without one, and for moves that may lose data, --yes is needed.`;

/** Ends the help of a command: how it behaves, where its description does not say it, and examples. */
export const COMMAND_HELP: Record<string, string> = {
  rollback: `
Ctrl-C once: stops safely at the next safe point. Twice: leaves at once; "resume" goes on.

Examples:
  $ rollback-deploy-auto rollback --version v2.14.3
  $ rollback-deploy-auto rollback --strategy canary --reason "checkout errors since 10:20"
  $ rollback-deploy-auto rollback --version v2.14.3 --accept retention --reason "image is pinned elsewhere"
  $ rollback-deploy-auto rollback --version v2.14.3 --reverse-migrations --reason "errors since 10:20"`,
  plan: `
Examples:
  $ rollback-deploy-auto plan
  $ rollback-deploy-auto plan --version v2.14.3 --strategy instant --output json`,
  check: `
Exit code 0: yes. 4: a check stops it. Good for a schedule.

Examples:
  $ rollback-deploy-auto check
  $ rollback-deploy-auto check --version v2.14.3 --output json`,
  releases: `
Examples:
  $ rollback-deploy-auto releases
  $ rollback-deploy-auto releases --output json`,
  migrations: `
Files of a folder are judged one by one, as if each were a release; those named one by one, or that came
since --from, by their net effect together. Exit code 0: nothing stands in the way. 4: something does.
With --database those are judged that it does not have yet, or that it has since --from; its history and its
schema are compared with the files. For that the migrations are replayed in an empty database beside it.
--queries: which of the old code's queries the live schema does not have what they need for; none is run.

Formats: alembic, atlas, dbmate, diesel, django, drizzle, ecto, flyway, golang-migrate, goose, knex,
liquibase, prisma, rails, sequelize, sqitch, sqlx, typeorm.

Examples:
  $ rollback-deploy-auto migrations db/migrations --engine postgresql
  $ rollback-deploy-auto migrations db/migrations/20260310140000_rename_price.sql --engine sqlite
  $ rollback-deploy-auto migrations db/migrations --from v2.14.3 --to v2.14.4 --output json
  $ rollback-deploy-auto migrations db/migrations --database env:DATABASE_URL
  $ rollback-deploy-auto migrations db/migrations --from v2.14.3 --write-reversal`,
  restore: `
Proves the backup, restores it beside the database, and lets it take the database's place. What it replaces
is kept. What was written since the backup is counted, and agreed to by the database's name: --accept
data-loss:NAME. One that was cut off goes on when it is run again.

Examples:
  $ rollback-deploy-auto restore                            what would be lost; changes nothing
  $ rollback-deploy-auto restore backup-20261126-101414.dump --accept data-loss:shop --reason "bad import"`,
  status: `
Examples:
  $ rollback-deploy-auto status
  $ rollback-deploy-auto status --service shop --output json`,
  resume: `
Looks at what is really there, and does what is left of the stored plan. On Kubernetes a namespace is
enough where only one run in it is unfinished.

Examples:
  $ rollback-deploy-auto resume
  $ rollback-deploy-auto resume -n shop
  $ rollback-deploy-auto resume r-20261123-210338-7f3a`,
  abort: `
Without an unfinished run it changes nothing. After a point of no return only "resume" is left.

Examples:
  $ rollback-deploy-auto abort
  $ rollback-deploy-auto abort r-20261123-210338-7f3a`,
  history: `
Examples:
  $ rollback-deploy-auto history
  $ rollback-deploy-auto history --output json`,
  show: `
Examples:
  $ rollback-deploy-auto show last
  $ rollback-deploy-auto show r-20261123-210338-7f3a
  $ rollback-deploy-auto show r-20261123-210338-7f3a --output json`,
  monitor: `
On the local platform the watch itself runs beside production; this looks on, and ends with its result.
Ctrl-C only ends looking on. On Kubernetes this command watches; left by Ctrl-C, it may be run again.

Examples:
  $ rollback-deploy-auto monitor r-20261123-210338-7f3a`,
  snapshot: `
On Kubernetes: records which ConfigMaps and Secrets the running release uses, and copies them within the
cluster, so that a later rollback restores them. Good for the end of every deployment.

Examples:
  $ rollback-deploy-auto snapshot deployment/api -n shop`,
  init: `
Never overwrites a file that says something else. --rbac writes no file: it prints YAML for kubectl.

Examples:
  $ rollback-deploy-auto init
  $ rollback-deploy-auto init --claude      writes .claude/commands/rollback-deploy-auto.md
  $ rollback-deploy-auto init --rbac -n shop | kubectl apply -f -`,
  doctor: `
Changes nothing but with --fix, which puts back what lost runs left on the objects of a cluster. Exit code 0: nothing in the way. 1: something is.

Examples:
  $ rollback-deploy-auto doctor
  $ rollback-deploy-auto doctor deployment/api -n shop --fix
  $ rollback-deploy-auto doctor --output json`,
  completion: `
Examples:
  $ source <(rollback-deploy-auto completion bash)
  $ rollback-deploy-auto completion zsh > "\${fpath[1]}/_rollback-deploy-auto"
  $ rollback-deploy-auto completion fish > ~/.config/fish/completions/rollback-deploy-auto.fish`,
  'local start': `
Examples:
  $ rollback-deploy-auto local start`,
  'local deploy': `
Examples:
  $ rollback-deploy-auto local deploy v2.14.4
  $ rollback-deploy-auto local deploy v2.14.4 --from build --entrypoint "node server.mjs"
  $ rollback-deploy-auto local deploy v2.14.4 --canary 1`,
  'local status': `
Examples:
  $ rollback-deploy-auto local status`,
  'local stop': `
Examples:
  $ rollback-deploy-auto local stop`,
};
