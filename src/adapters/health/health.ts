export interface HealthResult {
  ok: boolean;
  /** HTTP status; undefined where there was no answer. */
  status: number | undefined;
  /** One line, e.g. `200 OK` or `connect ECONNREFUSED`. */
  says: string;
  tookMs: number;
  /** Set where nothing could be asked, so that nothing is known; `says` is why. `ok` is then false. */
  unknown?: true;
}

/** Asks the service, the way its users reach it, whether it is healthy. */
export interface HealthProbe {
  /** E.g. `GET http://127.0.0.1:8080/healthz`. */
  readonly name: string;
  /** One try; never throws but for an aborted signal. */
  probe(signal: AbortSignal): Promise<HealthResult>;
}
