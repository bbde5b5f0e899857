import * as z from 'zod';
import { parseDuration } from '../model/duration.ts';
import { MIGRATION_FORMATS } from '../model/migration-formats.ts';

const seconds = z.union([
  z.number().nonnegative(),
  z
    .string()
    .regex(/^\d+(\.\d+)?(ms|s|m|h)$/, 'a number of seconds, or a duration such as 500ms, 30s, 10m, 1h')
    .transform((text) => parseDuration(text) as number),
]);
const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'lower-case letters, digits and dashes, at most 63');
const ratio = z.number().min(0).max(1);
const httpPath = z.string().regex(/^\//, 'text that starts with /');

const localPlatform = z.strictObject({
  kind: z.literal('local'),
  instances: z.int().min(1).max(64).default(3).describe('Instances that serve.'),
  port: z.int().min(1).max(65535).describe('Port of the proxy; instances get ports of their own in $PORT.'),
  host: z.string().default('127.0.0.1').describe('Address the proxy listens on.'),
  drainTimeout: seconds
    .default(30)
    .describe('Longest wait for requests in flight when an instance is drained, s.'),
  startTimeout: seconds.default(60).describe('Longest wait until a started instance is healthy, s.'),
  stopTimeout: seconds.default(10).describe('From SIGTERM to SIGKILL, s.'),
  keepWarm: seconds.default(600).describe('How long blue-green keeps the replaced instances running, s.'),
});

const workload = z
  .string()
  .regex(
    /^(deployment|statefulset|daemonset|rollout)\/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/,
    'KIND/NAME, where KIND is deployment, statefulset, daemonset or rollout',
  );

const kubernetesPlatform = z.strictObject({
  kind: z.literal('kubernetes'),
  context: z.string().optional().describe("Context of the kubeconfig (default: kubectl's current one)."),
  namespace: z.string().optional().describe("Namespace of the workloads (default: the context's)."),
  workloads: z.array(workload).min(1).describe('What is rolled back, in this order, e.g. deployment/api.'),
  canary: workload
    .optional()
    .describe('The canary beside the first workload (default: found by the Service they share).'),
  together: z.boolean().default(false).describe('Move all workloads at the same time instead of in order.'),
  batch: z.int().min(1).default(1).describe('Pods that a rolling rollback moves at once.'),
  singleton: z
    .boolean()
    .default(false)
    .describe('It must not run twice: the old pod ends before the new one starts.'),
  startTimeout: seconds.default(120).describe('Longest wait until a started pod is healthy, s.'),
  drainTimeout: seconds.default(30).describe('Longest wait for the connections of a drained pod, s.'),
  proxySync: seconds
    .default(1)
    .describe("kube-proxy's minimum sync period: how long a node may go on sending to a pod taken out, s."),
  longestRequest: seconds
    .default(5)
    .describe('Wait for requests in flight where the connections of a pod cannot be seen, s.'),
  keepWarm: seconds
    .default(600)
    .describe('How long blue-green keeps the replaced one of a pair of Deployments scaled up, s.'),
  reconciler: z
    .enum(['suspend', 'git-revert', 'refuse'])
    .default('suspend')
    .describe('What to do about Argo CD or Flux that would put the newer release back.'),
  clone: z
    .string()
    .default('.')
    .describe(
      'Folder of a clone of the repository that Argo CD or Flux applies; git-revert writes a patch for it.',
    ),
  restoreSecrets: z.array(z.string()).default([]).describe('Secrets that go back with the release.'),
});

const migrations = z
  .strictObject({
    format: z
      .enum(MIGRATION_FORMATS)
      .default('dbmate')
      .describe('Tool that applies the migrations; says what its files and its history table are.'),
    path: z
      .string()
      .default('db/migrations')
      .describe('Folder of the migration files inside the image, or from the clone on.'),
    from: z
      .enum(['image', 'git'])
      .default('image')
      .describe("Where a release's files are read: its image, or a clone of its repository at its ref."),
    clone: z.string().default('.').describe('git: folder of the clone.'),
    ref: z
      .string()
      .default('$version')
      .refine((text) => text.includes('$version'), 'must hold $version')
      .describe('git: tag or branch of a release; $version is filled in.'),
  })
  .prefault({});

const secretSource = z.union([
  z.strictObject({ env: z.string().min(1).describe('Name of an environment variable.') }),
  z.strictObject({ file: z.string().min(1).describe('Path of a file; its content is the value.') }),
]);

/** Beside those, a Secret of the cluster. */
const databaseSecret = z.union([
  ...secretSource.options,
  z.strictObject({
    secretKeyRef: z.strictObject({
      name: z.string().min(1).describe('Name of a Secret.'),
      key: z.string().min(1).describe('Key in it; its content is the value.'),
      namespace: z
        .string()
        .min(1)
        .optional()
        .describe("Default: the service's namespace, else that of the kubeconfig's context."),
    }),
  }),
]);

// What is wrong with it is said without showing it: it may hold a password.
const databaseUrl = z
  .string()
  .refine((text) => /^(postgres|postgresql|mysql|mariadb):\/\//.test(text), {
    message: 'must be SCHEME://USER@HOST:PORT/DATABASE, where SCHEME is postgresql or mysql',
    abort: true,
  })
  .refine((text) => !/^[a-z]+:\/\/[^/@]*:[^/]*@/.test(text) && !/[?&]password=/i.test(text), {
    message:
      'must not hold a password: write url: { env: VARIABLE } or url: { file: PATH }, or the password apart',
  });

const replay = z
  .boolean()
  .default(true)
  .describe(
    "Make the target's schema anew in an empty database beside this one, as a user of its own, and compare it with the live one.",
  );

const queries = z
  .string()
  .min(1)
  .optional()
  .describe(
    "Folder of the code's queries, where the migrations come from: the target's are prepared on the live schema.",
  );

/** Of a database server: a URL, or its parts. */
const databaseServer = {
  url: z
    .union([databaseUrl, databaseSecret])
    .optional()
    .describe('URL without a password, or { env: VARIABLE }, { file: PATH } or { secretKeyRef } with one.'),
  host: z.string().min(1).optional().describe('Host, address, or path of a socket (default: localhost).'),
  port: z.int().min(1).max(65535).optional(),
  user: z.string().min(1).optional(),
  database: z.string().min(1).optional(),
  password: databaseSecret.optional().describe("Default: the engine's own: ~/.pgpass, ~/.my.cnf."),
  tls: z
    .enum(['disable', 'prefer', 'require', 'verify-ca', 'verify-full'])
    .optional()
    .describe('Default: prefer.'),
  ca: z.string().optional().describe("File of the certificates that sign the server's, PEM."),
  migrations,
  replay,
  queries,
};

function isOneAddress({ url, host, port, user, database }: Record<string, unknown>): boolean {
  return url === undefined
    ? database !== undefined
    : [host, port, user, database].every((part) => part === undefined);
}
const ONE_ADDRESS = 'must have either "url", or "database" with "host", "port" and "user"';

const TOOL_OF = { pgbackrest: 'postgresql', litestream: 'sqlite' };

export const serviceSchema = z
  .strictObject({
    platform: z.discriminatedUnion('kind', [localPlatform, kubernetesPlatform]),
    registry: z.discriminatedUnion('kind', [
      z.strictObject({
        kind: z.literal('oci-layout'),
        path: z.string().default('images').describe('Folder in the OCI image layout format.'),
      }),
      z.strictObject({
        kind: z.literal('distribution'),
        plainHttp: z
          .array(z.string())
          .default([])
          .describe(
            'Registries, host:port, that speak HTTP without TLS. Those on this machine need no entry.',
          ),
      }),
    ]),
    metrics: z
      .discriminatedUnion('kind', [
        z.strictObject({
          kind: z.literal('prometheus'),
          url: z
            .string()
            .regex(/^https?:\/\/[^/\s]/, 'an address that starts with http:// or https://')
            .optional()
            .describe('Base address (default: the Prometheus Service found in the cluster).'),
          tokenFile: z.string().optional().describe('File whose content is sent as a bearer token.'),
          requests: z
            .string()
            .optional()
            .describe('PromQL for requests per second by status code; $selector and $window are filled in.'),
          latency: z
            .string()
            .optional()
            .describe('PromQL for the buckets of a latency histogram; $selector and $window are filled in.'),
        }),
      ])
      .optional()
      .describe("Where error rate and latency come from (default: the platform's own, or what is found)."),
    database: z
      .discriminatedUnion('kind', [
        z.strictObject({
          kind: z.literal('sqlite'),
          path: z.string().describe('The database file.'),
          migrations,
          replay,
          queries,
        }),
        z
          .strictObject({ kind: z.literal('postgresql'), ...databaseServer })
          .refine(isOneAddress, { message: ONE_ADDRESS }),
        z
          .strictObject({ kind: z.literal('mysql').describe('MySQL and MariaDB.'), ...databaseServer })
          .refine(isOneAddress, { message: ONE_ADDRESS }),
      ])
      .optional(),
    configuration: z
      .strictObject({
        environment: z
          .record(z.string(), z.string())
          .default({})
          .describe('Variables of the instances. Not for secrets.'),
        files: z
          .array(z.string())
          .default([])
          .describe('Files placed below the working directory of an instance.'),
        secrets: z
          .record(z.string(), secretSource)
          .default({})
          .describe('Variables whose values come from elsewhere and are never stored.'),
      })
      .prefault({}),
    health: z
      .strictObject({
        path: httpPath
          .optional()
          .describe('Asked with GET (default: /healthz; on Kubernetes that of the readiness probe).'),
        port: z
          .int()
          .min(1)
          .max(65535)
          .optional()
          .describe("Kubernetes: port of the pods (default: the Service's target port)."),
        status: z.int().default(200),
        timeout: seconds.default(2).describe('Of one probe, s.'),
      })
      .prefault({}),
    good: z
      .strictObject({
        minRequests: z.int().min(0).default(50).describe('Fewer requests in service are no evidence.'),
        maxErrorRate: ratio.default(0.01).describe('Above it a release is not good.'),
      })
      .prefault({})
      .describe('When a release counts as known to be good.'),
    validation: z
      .strictObject({
        minRequests: z.int().min(1).default(100).describe('Requests to see before judging.'),
        minSeconds: seconds.default(5).describe('Shortest time to look, s.'),
        maxSeconds: seconds.default(30).describe('Longest wait for that many requests, s.'),
        errorRateMargin: ratio.default(0.005).describe('How far above the baseline the error rate may be.'),
        latencyMargin: z.number().min(1).default(2).describe('How many times the baseline the p95 may be.'),
        latencyFloor: z
          .number()
          .min(0)
          .default(100)
          .describe('A p95 below it is always within baseline, ms.'),
      })
      .prefault({}),
    monitor: z
      .strictObject({
        duration: seconds.default(1800).describe('How long to watch after validation, s; 0 for not at all.'),
      })
      .prefault({}),
    backup: z
      .strictObject({
        path: z.string().default('.rollback/backups'),
        keep: z.int().min(1).default(5).describe('Finished backups kept.'),
        verify: z
          .enum(['full', 'read', 'none'])
          .default('full')
          .describe(
            'How a backup is proven: restored to scratch and compared, only read whole, or not at all.',
          ),
        maxWait: seconds
          .default(60)
          .describe('Longest estimate of a backup and its proof that a rollback waits for, s.'),
        maxAge: seconds
          .optional()
          .describe('Up to this age a proven backup does where a new one takes longer, s (default: never).'),
        timeout: seconds.default(600).describe('Longest time a backup and its proof may take, s.'),
        restorePoint: z
          .discriminatedUnion('kind', [
            z.strictObject({
              kind: z.literal('pgbackrest'),
              stanza: z
                .string()
                .regex(/^[\w.][\w.-]*$/, 'the name of a stanza')
                .optional()
                .describe('Default: the stanza that is of this server.'),
              config: z.string().optional().describe("Path of pgbackrest.conf (default: pgBackRest's own)."),
            }),
            z.strictObject({
              kind: z.literal('litestream'),
              config: z.string().optional().describe("Path of litestream.yml (default: Litestream's own)."),
              socket: z
                .string()
                .optional()
                .describe("Path of its control socket (default: Litestream's own)."),
            }),
          ])
          .optional()
          .describe(
            'Record a restore point of this tool instead of a dump: pgBackRest of PostgreSQL, Litestream of SQLite.',
          ),
      })
      .prefault({}),
    retention: z
      .strictObject({ keep: z.int().min(1).default(5).describe('Releases whose images must be there.') })
      .prefault({}),
  })
  .refine(
    ({ database, backup }) => !backup.restorePoint || TOOL_OF[backup.restorePoint.kind] === database?.kind,
    {
      path: ['backup', 'restorePoint', 'kind'],
      message: '"pgbackrest" needs a database of kind postgresql, "litestream" one of kind sqlite',
    },
  )
  .refine(({ platform, registry }) => platform.kind !== 'local' || registry.kind === 'oci-layout', {
    path: ['registry', 'kind'],
    message: 'must be "oci-layout" where the platform is local',
  });

/** `rollback.yaml`. Relative paths are meant from the file's folder; times are seconds. */
export const configurationSchema = z.strictObject({
  services: z
    .record(name, serviceSchema)
    .refine((all) => Object.keys(all).length > 0, 'names at least one service'),
  state: z
    .strictObject({
      path: z.string().default('.rollback').describe('Folder of journal, leases, records and backups.'),
    })
    .prefault({}),
});

export type Configuration = z.output<typeof configurationSchema>;
export type ServiceConfiguration = Configuration['services'][string];
/** A service on the embedded platform, its defaults filled in. */
export type LocalServiceConfiguration = ServiceConfiguration & {
  platform: { kind: 'local' };
  registry: { kind: 'oci-layout' };
  health: { path: string };
};
export type KubernetesServiceConfiguration = ServiceConfiguration & { platform: { kind: 'kubernetes' } };
