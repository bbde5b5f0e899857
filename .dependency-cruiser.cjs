// Who may import whom; docs/decisions/0001-layout.md says why.
const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: '^src/', pathNot: allowed },
});

// An adapter kind's interface has the kind's name: adapters/store/store.ts.
const interfaces = ['^src/adapters/(?<kind>[^/]+)/\\k<kind>\\.ts$', '^src/adapters/adapters\\.ts$'];

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'not-to-dev-folders',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts|examples)/' },
    },
    only('model-imports-nothing', '^src/model/', ['^src/model/']),
    only('judge', '^src/judge/', ['^src/(model|judge)/']),
    only('checks', '^src/checks/', ['^src/(model|checks|judge|schema-changes)/']),
    only('strategies', '^src/strategies/', ['^src/(model|strategies)/']),
    only('schema-changes', '^src/schema-changes/', ['^src/(model|schema-changes)/']),
    only('report', '^src/report/', ['^src/(model|report|judge)/']),
    only('engine', '^src/engine/', ['^src/(model|engine|judge|strategies|checks)/', ...interfaces]),
    only('steps', '^src/steps/', [
      '^src/(model|steps|judge|schema-changes)/',
      '^src/engine/step\\.ts$',
      ...interfaces,
    ]),
    only('adapters', '^src/adapters/', [
      '^src/(model|adapters|oci|schema-changes|kubernetes)/',
      '^src/engine/step\\.ts$',
    ]),
    only('oci', '^src/oci/', ['^src/(model|oci)/']),
    only('config', '^src/config/', ['^src/(model|config)/']),
    only('kubernetes', '^src/kubernetes/', ['^src/(model|kubernetes|oci)/']),
    only('compose', '^src/compose[^/]*\\.ts$', [
      '^src/(model|config|adapters|steps|engine|kubernetes|oci)/',
      '^src/compose-[^/]*\\.ts$',
    ]),
    {
      name: 'one-adapter-kind-never-imports-another',
      severity: 'error',
      from: { path: '^src/adapters/([^/]+)/' },
      // The local platform's traffic is measured by its proxy; the proxy's contract is all that the metrics read.
      to: {
        path: '^src/adapters/([^/]+)/',
        pathNot: ['^src/adapters/$1/', '^src/adapters/platform/local/(proxy-api|service-folder)\\.ts$'],
      },
    },
    only('commands', '^src/commands/', ['^src/(?!cli\\.ts|cli/|report/)']),
    only('cli', '^src/cli(/|\\.ts$)', ['^src/(cli|commands/|report/|model/|completion)']),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
