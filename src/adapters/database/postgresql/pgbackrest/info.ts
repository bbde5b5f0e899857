/** What `pgbackrest info --output=json` says of one repository of a stanza (https://pgbackrest.org/command.html#command-info). */
export interface Stanza {
  name: string;
  /** Key of the repository. */
  repo: number;
  /** In full, undefined where the tool says ok. */
  problem: string | undefined;
  /** Folder of this server's WAL in the repository, e.g. `15-1`; undefined where it has none of this server. */
  archive: string | undefined;
  /** The newest backup of this server without an error; undefined where there is none. */
  base: StanzaBackup | undefined;
}

export interface StanzaBackup {
  /** E.g. `20260315-103200F`. */
  label: string;
  /** When it ended, ms since the epoch. */
  endedMs: number;
  /** The WAL segment that a restore of it starts from. */
  firstWal: string;
}

interface InfoStanza {
  name: string;
  status: { code: number; message: string };
  repo?: { key: number; status: { code: number; message: string } }[];
  db: { id: number; 'repo-key': number; 'system-id': string; version: string }[];
  archive: { id: string; database: { id: number; 'repo-key': number } }[];
  backup: {
    label: string;
    error: boolean | null;
    database: { id: number; 'repo-key': number };
    archive: { start: string | null };
    timestamp: { stop: number };
  }[];
}

/**
 * Each repository of each stanza, as it is for the server with that system identifier.
 * @throws SyntaxError where it is no JSON
 */
export function readInfo(text: string, systemId: string): Stanza[] {
  // It is a number of 64 bits, which JSON.parse would round.
  const exact = text.replace(/("system-id":\s*)(\d+)/g, '$1"$2"');
  const stanzas = JSON.parse(exact) as InfoStanza[];
  return stanzas.flatMap((stanza) =>
    (stanza.repo ?? [{ key: 1, status: stanza.status }]).map(({ key, status }) => {
      const own = stanza.db.filter((db) => db['repo-key'] === key && db['system-id'] === systemId);
      const of = (database: { id: number; 'repo-key': number }) =>
        database['repo-key'] === key && own.some(({ id }) => id === database.id);
      return {
        name: stanza.name,
        repo: key,
        problem: status.code === 0 ? undefined : status.message,
        archive: stanza.archive.find(({ database }) => of(database))?.id,
        base: stanza.backup
          .filter(({ database, error, archive }) => of(database) && error !== true && archive.start !== null)
          .map(({ label, timestamp, archive }) => ({
            label,
            endedMs: timestamp.stop * 1000,
            firstWal: archive.start as string,
          }))
          .reduce<StanzaBackup | undefined>(
            (newest, one) => (newest && newest.endedMs > one.endedMs ? newest : one),
            undefined,
          ),
      };
    }),
  );
}
