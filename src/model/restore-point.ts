/** Where a backup tool's restore points are had from, as configured or as found. Paths are absolute. */
export type RestorePointSource = PgbackrestSource | LitestreamSource;

export interface PgbackrestSource {
  kind: 'pgbackrest';
  /** Default: the stanza that has this server's system identifier. */
  stanza?: string | undefined;
  /** Path of the tool's configuration. Default: the tool's own. */
  config?: string | undefined;
}

export interface LitestreamSource {
  kind: 'litestream';
  /** Path of the tool's configuration. Default: the tool's own. */
  config?: string | undefined;
  /** Path of the control socket of the process that replicates. Default: the tool's own. */
  socket?: string | undefined;
}

/** A place in what a backup tool keeps of a database that it can restore to; nothing was dumped for it. */
export interface RestorePoint {
  /** As the tool's restore takes it. */
  name: string;
  /** ISO 8601, UTC. */
  at: string;
  /** E.g. `LSN 0/3000B58` or `TXID 0000000000000003`. */
  position: string;
  /** E.g. `pgBackRest, stanza shop`. */
  tool: string;
  /** The newest backup, from which a restore replays; `at` is ISO 8601, UTC. */
  base: { name: string; at: string };
  /** The command that restores to it. */
  restore: string;
  /** What it takes back, e.g. `the whole server, all of its databases`. */
  covers: string;
}

/** What a restore point would be, as far as it is known before it is recorded. */
export interface RestorePointOutlook {
  tool: string;
  /** Named in the configuration; else it was found on the server. */
  configured: boolean;
  source: RestorePointSource;
  /** The newest usable backup of the tool; `at` is ISO 8601, UTC. */
  base?: RestorePoint['base'] | undefined;
  /** Why none can be recorded now, in full sentences, and the way out; undefined where one can. */
  problem?: { why: string; fix: string } | undefined;
}
