const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Requests by status code, a histogram of their durations and, where asked for, those at work, in the text format of
 * Prometheus.
 * @param {boolean} gauge
 */
export function createMetrics(gauge) {
  /** @type {Map<number, number>} */
  const byCode = new Map([[200, 0]]);
  const buckets = BUCKETS.map(() => 0);
  let sum = 0;
  let requests = 0;
  let atWork = 0;
  return {
    /** @param {import('node:http').ServerResponse} response */
    begin(response) {
      atWork++;
      response.once('close', () => atWork--);
    },
    /** @param {number} status @param {number} seconds */
    count(status, seconds) {
      byCode.set(status, (byCode.get(status) ?? 0) + 1);
      requests++;
      sum += seconds;
      for (const [at, bound] of BUCKETS.entries()) if (seconds <= bound) buckets[at]++;
    },
    text() {
      const lines = ['# TYPE http_requests_total counter'];
      for (const [code, count] of byCode) lines.push(`http_requests_total{code="${code}"} ${count}`);
      lines.push('# TYPE http_request_duration_seconds histogram');
      for (const [at, bound] of BUCKETS.entries())
        lines.push(`http_request_duration_seconds_bucket{le="${bound}"} ${buckets[at]}`);
      lines.push(`http_request_duration_seconds_bucket{le="+Inf"} ${requests}`);
      lines.push(
        `http_request_duration_seconds_sum ${sum}`,
        `http_request_duration_seconds_count ${requests}`,
      );
      if (gauge) lines.push('# TYPE http_requests_in_flight gauge', `http_requests_in_flight ${atWork}`);
      return `${lines.join('\n')}\n`;
    },
  };
}
