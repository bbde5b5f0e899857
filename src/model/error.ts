/** What the process exits with. The numbers are part of the contract with scripts and pipelines. */
export const EXIT = {
  /** Done. */
  done: 0,
  /** Failed; production stands where the message says. */
  failed: 1,
  /** Wrong usage or configuration; nothing was tried. */
  usage: 2,
  /** Interrupted; `resume` goes on. */
  interrupted: 3,
  /** Refused by a pre-rollback check; nothing changed. */
  refused: 4,
  /** On the target, but validation did not confirm it. */
  unconfirmed: 5,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface RollbackErrorFields {
  /** Stable, upper case, e.g. `BACKUP_FAILED`. */
  code: string;
  /** What failed, one line, without a full stop. */
  summary: string;
  /** Why, in full sentences. */
  detail?: string;
  /** What to do next: a sentence or a command. */
  fix?: string;
  /** What production looks like now, a sentence. Undefined where the thrower can't know; the command adds it. */
  production?: string;
  /** Whether trying the same call again can help. The engine then observes and tries again. Default false. */
  retriable?: boolean;
  /** Default `EXIT.failed`. */
  exit?: ExitCode;
  cause?: unknown;
}

/** The one error the product throws on purpose. Printed as: what failed, why, what production looks like, what to run next. */
export class RollbackError extends Error {
  readonly code: string;
  readonly summary: string;
  readonly detail: string | undefined;
  readonly fix: string | undefined;
  readonly production: string | undefined;
  readonly retriable: boolean;
  readonly exit: ExitCode;

  constructor(fields: RollbackErrorFields) {
    super(redact(fields.detail ? `${fields.summary}: ${fields.detail}` : fields.summary), {
      cause: fields.cause,
    });
    this.name = 'RollbackError';
    this.code = fields.code;
    this.summary = redact(fields.summary);
    this.detail = fields.detail === undefined ? undefined : redact(fields.detail);
    this.fix = fields.fix;
    this.production = fields.production;
    this.retriable = fields.retriable ?? false;
    this.exit = fields.exit ?? EXIT.failed;
  }

  /** The same error with what production looks like now, and optionally another way on. */
  with(fields: Pick<RollbackErrorFields, 'production' | 'fix' | 'exit'>): RollbackError {
    return new RollbackError({ ...this.fields(), ...fields });
  }

  private fields(): RollbackErrorFields {
    const { code, summary, detail, fix, production, retriable, exit, cause } = this;
    return { code, summary, detail, fix, production, retriable, exit, cause };
  }
}

/** What is kept of an error in the journal. */
export interface ErrorRecord {
  code: string;
  summary: string;
  detail: string | undefined;
  fix: string | undefined;
}

export function errorRecord(error: unknown): ErrorRecord {
  if (error instanceof RollbackError) {
    return { code: error.code, summary: error.summary, detail: error.detail, fix: error.fix };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'UNEXPECTED', summary: redact(message), detail: undefined, fix: undefined };
}

/** Takes passwords out of URLs and `key=value` pairs that name a secret. Secrets are redacted where errors are made. */
export function redact(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@/]+@/gi, '$1:***@')
    .replace(
      /\b([\w-]*(?:password|passwd|secret|token|api[-_]?key)[\w-]*)(\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&]+)/gi,
      '$1$2***',
    );
}
