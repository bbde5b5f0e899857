const NOT_READY = {
  key: '.status.conditions.[] | select( .type == "Ready" ) | .status',
  operator: 'NotIn',
  values: ['True'],
};
const conditionLines = (/** @type {string[]} */ types) =>
  types.map(
    (type) => `- {type: ${type}, status: "True", reason: Pretended, lastTransitionTime: {{ Quote Now }}}`,
  );

/** What kwok does with the nodes and pods it pretends (its Stage API): nodes and pods are ready at once, pods end at once. */
export const kwokStages = [
  stage('node-ready', 'Node', [NOT_READY], {
    statusTemplate: ['conditions:', ...conditionLines(['Ready']), 'phase: Running'].join('\n'),
  }),
  stage('pod-ready', 'Pod', [{ key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' }, NOT_READY], {
    statusTemplate: [
      'phase: Running',
      'startTime: {{ Quote Now }}',
      'conditions:',
      ...conditionLines(['Initialized', 'ContainersReady', 'Ready']),
      'containerStatuses:',
      '{{ range .spec.containers }}',
      '- {name: {{ Quote .name }}, image: {{ Quote .image }}, ready: true, started: true, restartCount: 0, state: {running: {startedAt: {{ Quote Now }}}}}',
      '{{ end }}',
      '{{ $ips := PodIPsWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace }}',
      'podIP: {{ Quote (index $ips 0) }}',
      'podIPs: [{ip: {{ Quote (index $ips 0) }}}]',
    ].join('\n'),
  }),
  stage('pod-gone', 'Pod', [{ key: '.metadata.deletionTimestamp', operator: 'Exists' }], { delete: true }),
];

/** @param {string} name @param {string} kind @param {object[]} matchExpressions @param {object} next */
function stage(name, kind, matchExpressions, next) {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind }, selector: { matchExpressions }, next },
  };
}
