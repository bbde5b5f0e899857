/** What is in the Role unless told otherwise: all that a rollback in a plain namespace uses. */
export const DEFAULT_FEATURES = [
  'core',
  'deployments',
  'statefulsets',
  'daemonsets',
  'argo-rollouts',
  'journal',
  'leases',
  'events',
  'room',
  'accounts',
  'logs',
  'dry-run',
  'exec',
  'proxy',
  'secrets',
  'revisions',
  'controller-revisions',
  'gateway',
] as const;

/** What rights are for. Each is one part of the Role, and asked about as one before a rollback. */
export const RIGHT_FEATURES = [...DEFAULT_FEATURES, 'secret-copies', 'argo-cd', 'flux', 'keda'] as const;
export type RightFeature = (typeof RIGHT_FEATURES)[number];

/** One part of the Role. */
export interface Feature {
  /** Whether a rollback goes on without it. */
  optional: boolean;
  /** What it is for. */
  why: string;
  /** What is not done or not known without it, a sentence. */
  without: string;
  rules: { resources: string[]; verbs: string[] }[];
}

const READ = ['get', 'list', 'watch'];
const LOOK = ['get', 'list'];

/** The one source of the Role and of what is asked before a rollback. */
export const FEATURES: Record<RightFeature, Feature> = {
  core: {
    optional: false,
    why: 'See what runs; take pods in and out of Services by label; lower the deletion cost of old pods',
    without: 'The rollback cannot see or move what serves.',
    rules: [
      { resources: ['deployments', 'statefulsets', 'daemonsets', 'controllerrevisions'], verbs: READ },
      { resources: ['replicasets'], verbs: [...READ, 'patch'] },
      { resources: ['pods', 'services'], verbs: [...READ, 'patch'] },
      { resources: ['endpointslices'], verbs: READ },
    ],
  },
  deployments: {
    optional: false,
    why: 'Put the old pod template back into Deployments',
    without: 'Deployments cannot be rolled back.',
    rules: [{ resources: ['deployments'], verbs: ['patch'] }],
  },
  statefulsets: {
    optional: false,
    why: 'Roll StatefulSets back: their template, and their pods one by one',
    without: 'StatefulSets cannot be rolled back.',
    rules: [
      { resources: ['statefulsets'], verbs: ['patch'] },
      { resources: ['pods'], verbs: ['delete'] },
    ],
  },
  daemonsets: {
    optional: false,
    why: 'Roll DaemonSets back: their template, and their pods one by one',
    without: 'DaemonSets cannot be rolled back.',
    rules: [
      { resources: ['daemonsets'], verbs: ['patch'] },
      { resources: ['pods'], verbs: ['delete'] },
    ],
  },
  journal: {
    optional: false,
    why: 'Keep the journal of a run, records and snapshots of configuration as objects of the namespace',
    without: 'There would be no journal to resume from.',
    rules: [{ resources: ['configmaps'], verbs: [...LOOK, 'create', 'update', 'patch', 'delete'] }],
  },
  leases: {
    optional: false,
    why: 'See to it that one client at a time moves a service',
    without: 'Two clients could move production at once.',
    rules: [{ resources: ['leases'], verbs: [...LOOK, 'create', 'update', 'patch'] }],
  },
  events: {
    optional: true,
    why: 'Tell the story in "kubectl describe"',
    without: 'No events are written: "kubectl describe" does not tell of the rollback.',
    rules: [{ resources: ['events'], verbs: ['create', 'patch'] }],
  },
  room: {
    optional: true,
    why: 'Find out before whether there is room, who else changes the workload, and which volumes it has',
    without: 'Whether there is room, and who else changes the workload, is known only in part.',
    rules: [
      {
        resources: [
          'resourcequotas',
          'limitranges',
          'horizontalpodautoscalers',
          'poddisruptionbudgets',
          'persistentvolumeclaims',
        ],
        verbs: LOOK,
      },
    ],
  },
  accounts: {
    optional: true,
    why: "Find the pull secrets of the pods' own service account",
    without: 'Pull secrets of the service account are not found: a private image cannot be looked up.',
    rules: [{ resources: ['serviceaccounts'], verbs: LOOK }],
  },
  logs: {
    optional: true,
    why: 'Show the last log lines of a pod that does not start',
    without: 'A pod that does not start is reported without its log.',
    rules: [{ resources: ['pods/log'], verbs: ['get'] }],
  },
  'dry-run': {
    optional: true,
    why: 'Try the target pod with "dryRun=All" (no pod is made): a change to a workload admits no pod',
    without: 'Whether the cluster admits the target pod is known only once it is started.',
    rules: [{ resources: ['pods'], verbs: ['create'] }],
  },
  exec: {
    optional: true,
    why: 'Count the open connections of a pod that drains, by reading /proc/net/tcp in it',
    without: 'Open connections are not seen: a drain takes its stated bound.',
    rules: [{ resources: ['pods/exec'], verbs: ['create'] }],
  },
  proxy: {
    optional: true,
    why: 'Ask a pod for its health, and a Prometheus for error rates, through the API server',
    without:
      'Pods are judged by readiness alone where they cannot be reached directly; metrics may be missing.',
    rules: [{ resources: ['pods/proxy', 'services/proxy'], verbs: ['get'] }],
  },
  secrets: {
    optional: true,
    why: 'Log in to the registry with pull secrets; compare and restore Secrets; read the history of Helm',
    without: 'Pull secrets, snapshots of Secrets and the history of Helm are not known.',
    rules: [{ resources: ['secrets'], verbs: [...LOOK, 'create'] }],
  },
  revisions: {
    optional: true,
    why: 'Make the revision that refers to restored copies of configuration, before the Deployment has it',
    without: 'Configuration that changed since cannot go back with the release of a Deployment.',
    rules: [{ resources: ['replicasets'], verbs: ['create'] }],
  },
  'controller-revisions': {
    optional: true,
    why: 'Make the revision that refers to restored copies of configuration, before a StatefulSet or DaemonSet has it',
    without:
      'Configuration that changed since cannot go back with the release of a StatefulSet or DaemonSet.',
    rules: [{ resources: ['controllerrevisions'], verbs: ['create'] }],
  },
  'secret-copies': {
    optional: true,
    why: 'Remove restored copies of Secrets that nothing refers to any more',
    without: 'Restored copies of Secrets stay until somebody removes them.',
    rules: [{ resources: ['secrets'], verbs: ['delete'] }],
  },
  'argo-cd': {
    optional: true,
    why: 'Suspend and resume the automated sync of Argo CD applications (in the namespace they are in)',
    without: 'Argo CD cannot be suspended.',
    rules: [{ resources: ['applications'], verbs: [...LOOK, 'patch'] }],
  },
  flux: {
    optional: true,
    why: 'Suspend and resume Flux (in the namespace its objects are in)',
    without: 'Flux cannot be suspended.',
    rules: [
      { resources: ['kustomizations', 'helmreleases'], verbs: [...LOOK, 'patch'] },
      { resources: ['gitrepositories'], verbs: LOOK },
    ],
  },
  keda: {
    optional: true,
    why: 'See which KEDA objects scale the workload',
    without: 'Whether KEDA scales the workload is not known.',
    rules: [{ resources: ['scaledobjects'], verbs: LOOK }],
  },
  gateway: {
    optional: true,
    why: 'See which HTTPRoutes give a canary its share, and move their weights',
    without: 'Whether HTTPRoutes give a canary its share is not known, and weights cannot be moved.',
    rules: [{ resources: ['httproutes'], verbs: [...READ, 'patch'] }],
  },
  'argo-rollouts': {
    optional: true,
    why: 'Abort, undo and promote Rollouts of Argo Rollouts through their own fields',
    without: 'Rollouts cannot be rolled back.',
    rules: [
      { resources: ['rollouts'], verbs: [...READ, 'patch'] },
      { resources: ['rollouts/status'], verbs: ['patch'] },
    ],
  },
};
