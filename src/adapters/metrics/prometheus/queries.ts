/** One usual way of counting requests. */
export interface Counting {
  counter: string;
  /** Its latency histogram. */
  buckets: string;
  /** ms for one unit of the buckets' bounds. */
  unitMs: number;
  /** Whether its series say the pod, or only the Service in front of it. */
  by: 'pod' | 'service';
  /** Matchers besides those of the release. */
  only?: string;
}

/** What is looked for, the first that has series is taken. */
export const COUNTINGS: readonly Counting[] = [
  {
    counter: 'http_requests_total',
    buckets: 'http_request_duration_seconds_bucket',
    unitMs: 1000,
    by: 'pod',
  },
  {
    counter: 'http_request_duration_seconds_count',
    buckets: 'http_request_duration_seconds_bucket',
    unitMs: 1000,
    by: 'pod',
  },
  {
    counter: 'http_server_request_duration_seconds_count',
    buckets: 'http_server_request_duration_seconds_bucket',
    unitMs: 1000,
    by: 'pod',
  },
  {
    counter: 'http_server_requests_seconds_count',
    buckets: 'http_server_requests_seconds_bucket',
    unitMs: 1000,
    by: 'pod',
  },
  {
    counter: 'istio_requests_total',
    buckets: 'istio_request_duration_milliseconds_bucket',
    unitMs: 1,
    by: 'pod',
    only: 'reporter="destination"',
  },
  {
    counter: 'nginx_ingress_controller_requests',
    buckets: 'nginx_ingress_controller_request_duration_seconds_bucket',
    unitMs: 1000,
    by: 'service',
  },
];

/** Labels that say namespace and pod, or namespace and Service, as the usual scrape configurations write them. */
export const NAMING: Record<Counting['by'], readonly (readonly [string, string])[]> = {
  pod: [
    ['namespace', 'pod'],
    ['kubernetes_namespace', 'kubernetes_pod_name'],
    ['k8s_namespace_name', 'k8s_pod_name'],
  ],
  service: [
    ['exported_namespace', 'exported_service'],
    ['namespace', 'service'],
  ],
};

/** Labels that hold the HTTP status. */
export const STATUS_LABELS = [
  'code',
  'status',
  'status_code',
  'http_status_code',
  'http_response_status_code',
  'response_code',
  'http_code',
] as const;

/** Labels that hold the path of a request. */
const PATH_LABELS = ['handler', 'path', 'route', 'http_route', 'uri', 'url'];

/** Matchers of what belongs to a namespace and to names that fit a regular expression (RE2, anchored). */
export function selectorOf(
  [space, name]: readonly [string, string],
  namespace: string,
  regex: string,
): string {
  return `${space}="${quoted(namespace)}",${name}=~"${quoted(regex)}"`;
}

/** Matchers that leave out requests for these paths, where the series say paths. */
export function without(paths: readonly string[]): string {
  const regex = quoted(paths.map(literal).join('|'));
  return PATH_LABELS.map((label) => `${label}!~"${regex}"`).join(',');
}

/**
 * How much counters rose in a window that ends at the query's time, from sample to sample. Not `increase()`: that one
 * guesses what was between the samples, and does not see the first count of a series that is born in the window, which
 * the first error is.
 */
export function rise(series: string, windowMs: number): string {
  const now = `last_over_time(${series}[${windowMs}ms])`;
  return `((${now} - ${series} offset ${windowMs}ms) >= 0 or ${now})`;
}

/** A regular expression that only this text fits. */
export function literal(text: string): string {
  return text.replaceAll(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

function quoted(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
