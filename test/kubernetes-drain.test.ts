import { expect, it } from 'vitest';
import { countOpen } from '../src/adapters/platform/kubernetes/open-connections.ts';
import { countersOf } from '../src/adapters/platform/kubernetes/own-counters.ts';

// As Linux prints it: one listener, two connections to port 8080, one to 9090, one of 8080 in TIME_WAIT.
const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0500CB0A:1F90 0100CB0A:C350 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
   2: 0500CB0A:1F90 0100CB0A:C351 03 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
   3: 0500CB0A:2382 0100CB0A:C352 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 20 4 30 10 -1
   4: 0500CB0A:1F90 0100CB0A:C353 06 00000000:00000000 00:00000000 00000000     0        0 0 3 0
`;

it('counts connections that are open on the ports of the Service, and no others', () => {
  expect(countOpen(TABLE, new Set([8080]))).toBe(2);
  expect(countOpen(TABLE, new Set([9090]))).toBe(1);
  expect(countOpen(TABLE, new Set([8080, 9090]))).toBe(3);
  expect(countOpen(TABLE, new Set([80]))).toBe(0);
  expect(countOpen('', new Set([8080]))).toBe(0);
});

it('reads how many requests an application answered, and what the longest took at most', () => {
  const text = `# TYPE http_requests_total counter
http_requests_total{code="200",path="/"} 41
http_requests_total{code="500"} 1
http_request_duration_seconds_bucket{path="/",le="0.05"} 40
http_request_duration_seconds_bucket{path="/",le="0.1"} 42
http_request_duration_seconds_bucket{path="/",le="+Inf"} 42
http_request_duration_seconds_count 42
process_open_fds 12
`;
  expect(countersOf(text)).toEqual({ answered: 42, longestMs: 100 });
});

it('knows no longest request without a histogram, and nothing without a counter', () => {
  expect(countersOf('http_requests_total 3\n')).toEqual({ answered: 3, longestMs: undefined });
  expect(countersOf('process_open_fds 12\n')).toBeUndefined();
  expect(countersOf('<html>not metrics</html>')).toBeUndefined();
});

it('has no bound where a request took longer than the last bucket', () => {
  const text = `http_request_duration_seconds_bucket{le="1"} 4
http_request_duration_seconds_bucket{le="+Inf"} 5
http_request_duration_seconds_count 5
`;
  expect(countersOf(text)).toEqual({ answered: 5, longestMs: undefined });
});

it('reads how many requests are at work, and leaves out those for the metrics page itself', () => {
  const text = `http_requests_total{route="/"} 41
http_requests_total{route="/metrics"} 7
http_server_active_requests{http_request_method="GET"} 2
http_server_active_requests{http_request_method="POST"} 1
`;
  expect(countersOf(text)).toEqual({ answered: 41, longestMs: undefined, inFlight: 3 });
  expect(countersOf(text, '/own')).toEqual({ answered: 48, longestMs: undefined, inFlight: 3 });
});
