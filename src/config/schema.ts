import * as z from 'zod';
import { parseDuration } from '../model/duration.ts';

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

const secretSource = z.union([
  z.strictObject({ env: z.string().min(1).describe('Name of an environment variable.') }),
  z.strictObject({ file: z.string().min(1).describe('Path of a file; its content is the value.') }),
]);

const service = z.strictObject({
  platform: z.discriminatedUnion('kind', [localPlatform]),
  registry: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('oci-layout'),
      path: z.string().default('images').describe('Folder in the OCI image layout format.'),
    }),
  ]),
  database: z
    .discriminatedUnion('kind', [
      z.strictObject({
        kind: z.literal('sqlite'),
        path: z.string().describe('The database file.'),
        migrations: z
          .strictObject({
            format: z.enum(['dbmate']).default('dbmate'),
            path: z
              .string()
              .default('db/migrations')
              .describe('Folder of the migration files inside the image.'),
          })
          .prefault({}),
      }),
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
      path: httpPath.default('/healthz'),
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
      latencyFloor: z.number().min(0).default(100).describe('A p95 below it is always within baseline, ms.'),
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
      timeout: seconds.default(600).describe('Longest time a backup and its proof may take, s.'),
    })
    .prefault({}),
  retention: z
    .strictObject({ keep: z.int().min(1).default(5).describe('Releases whose images must be there.') })
    .prefault({}),
});

/** `rollback.yaml`. Relative paths are meant from the file's folder; times are seconds. */
export const configurationSchema = z.strictObject({
  services: z
    .record(name, service)
    .refine((all) => Object.keys(all).length > 0, 'names at least one service'),
  state: z
    .strictObject({
      path: z.string().default('.rollback').describe('Folder of journal, leases, records and backups.'),
    })
    .prefault({}),
});

export type Configuration = z.output<typeof configurationSchema>;
export type ServiceConfiguration = Configuration['services'][string];
