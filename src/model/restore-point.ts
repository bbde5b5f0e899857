/** Where a backup tool's restore points are had from, as configured or as found. */
export interface RestorePointSource {
  kind: 'pgbackrest';
  /** Default: the stanza that has this server's system identifier. */
  stanza?: string | undefined;
  /** Path of the tool's configuration. Default: the tool's own. */
  config?: string | undefined;
}

/** A named place in the WAL that a backup tool can restore to; nothing was dumped for it. */
export interface RestorePoint {
  /** As the server knows it. */
  name: string;
  /** ISO 8601, UTC. */
  at: string;
  /** In the WAL, e.g. `0/3000B58`. */
  lsn: string;
  /** E.g. `pgBackRest, stanza shop`. */
  tool: string;
  /** The newest backup, from which a restore replays; `at` is ISO 8601, UTC. */
  base: { name: string; at: string };
  /** The command that restores the whole server to it. */
  restore: string;
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
