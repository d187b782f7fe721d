// "Who may import whom": the layers of the architecture as rules.

/** Rooms of collectors: each may see what is below it, the ports as types, and (routing for sockets, and so on) nothing sideways. */
const COLLECTORS = 'sockets|routing|counters|capture|flow|probe'

const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: `^src/(${from})/` },
  to: { path: '^src/', pathNot: `^src/(${allowed})/` },
})

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      comment: 'a module nobody imports is dead, or its entry point is missing below',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '^src/(index\\.ts|commands/)' },
      to: {},
    },
    only('bytes-import-nothing', 'bytes', 'bytes', 'bytes is the ground floor'),
    only('errors-import-nothing', 'errors', 'errors', 'errors is the ground floor'),
    only('wire-and-netlink-see-the-ground-floor', 'wire|netlink', 'wire|netlink|bytes|errors'),
    only(
      'ports-are-interfaces',
      'ports',
      `ports|bytes|errors|wire|netlink|${COLLECTORS}`,
      'ports name the models they carry',
    ),
    {
      name: 'collectors-see-below',
      comment: 'a collector sees the floors below it and itself, nothing sideways',
      severity: 'error',
      from: { path: `^src/(${COLLECTORS})/` },
      to: { path: '^src/', pathNot: '^src/($1|wire|netlink|bytes|errors|ports)/' },
    },
    {
      name: 'pure-rooms-do-no-io',
      comment: 'what reads or writes is an adapter; collectors get it through ports',
      severity: 'error',
      from: { path: `^src/(bytes|errors|wire|netlink|ports|render|${COLLECTORS})/` },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'ports-only-as-types',
      severity: 'error',
      from: { path: `^src/(${COLLECTORS}|render|commands)/` },
      to: { path: '^src/ports/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'ports-hold-no-code',
      severity: 'error',
      from: { path: '^src/ports/' },
      to: { path: '^src/', pathNot: '^src/ports/', dependencyTypesNot: ['type-only'] },
    },
    only('adapters-implement-ports', 'adapters', `adapters|ports|wire|netlink|bytes|errors|${COLLECTORS}`),
    only('compose-puts-adapters-together', 'compose', `compose|adapters|ports|wire|netlink|bytes|errors|${COLLECTORS}`),
    only('render-sees-models', 'render', `render|bytes|errors|wire|netlink|${COLLECTORS}`),
    {
      name: 'nobody-sees-commands',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/commands/' },
      to: { path: '^src/commands/' },
    },
    {
      name: 'commands-are-one-file',
      severity: 'error',
      from: { path: '^src/commands/' },
      to: { path: '^src/commands/' },
    },
    {
      name: 'commands-leave-adapters-to-cli',
      comment: 'src/compose and src/cli are the only places that build adapters',
      severity: 'error',
      from: { path: '^src/commands/' },
      to: { path: '^src/adapters/' },
    },
    {
      name: 'oclif-only-in-cli-and-commands',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli|commands)/' },
      to: { path: 'node_modules/@oclif/' },
    },
    {
      name: 'library-without-cli',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: '^src/(cli|commands|render)/' },
    },
    {
      name: 'back-ends-only-in-adapters',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/adapters/' },
      to: { path: '(node_modules/(raw-socket|cap)/|\\.node$)' },
    },
    {
      name: 'not-from-dev-dependencies',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only'],
        pathNot: 'node_modules/@types/',
      },
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
