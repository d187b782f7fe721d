#!/usr/bin/env node
// Makes dist/bundle-COMMAND.cjs out of dist/: one file with oclif and one command (and its subcommands) in it, for bin/load.cjs.
//
// Stock oclif reads about a hundred files at every start (100 ms). Here the manifest is inlined, commands are evaluated when they are
// called, and what a plain run does not need is loaded at first use. A file for each command, since V8 takes in all of a code cache
// at every start: with one file for all, each new command would make the others slower to start.

import { createHash } from 'node:crypto'
import { appendFileSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')
/** All bundles and their code caches begin so. */
const PREFIX = 'bundle-'

/** Packages of oclif and modules of Node that only help, errors and unusual flags need. */
const LAZY =
  /^(ansi-escapes|ansis|clean-stack|cli-spinners|ejs|get-package-type|indent-string|lilconfig|minimatch|semver|string-width|supports-color|tinyglobby|widest-line|wordwrap|wrap-ansi|(node:)?(child_process|dns\/promises|fs\/promises|perf_hooks|readline|tty|worker_threads))$/

const manifest = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8'))
const { name, version, type, oclif } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Parts of the manifest by the first word of the command line. */
const families = new Map()
for (const [id, command] of Object.entries(manifest.commands)) {
  const word = id.split(':')[0]
  families.set(word, { ...families.get(word), [id]: command })
}

/** A plugin object that oclif takes as loaded, so that it reads no package.json, manifest or user plugin. */
function entryOf(commands) {
  const getters = Object.entries(commands).map(
    ([id, { relativePath }]) =>
      `get ${JSON.stringify(id)}() { return require('../${relativePath.join('/')}').default },`,
  )
  return `
import { main } from './cli/main.js'
const lazy = {${getters.join('\n')}}
const pjson = ${JSON.stringify({ name, version, type, oclif })}
const manifest = ${JSON.stringify({ ...manifest, commands })}
export function start(argv, root) {
  const commands = Object.values(manifest.commands).map(command => ({
    ...command,
    load: async () => Object.assign(lazy[command.id], { id: command.id, plugin }),
  }))
  const plugin = {
    name: pjson.name, alias: pjson.name, version: pjson.version, root, pjson, manifest, commands, type: 'core', moduleType: 'module',
    isRoot: true, hasManifest: true, valid: true, hooks: {}, topics: [], commandIDs: Object.keys(manifest.commands),
  }
  main(argv, { root, pjson, plugins: new Map([[plugin.name, plugin]]) })
}
`
}

/** Stands for a module of Node: an object whose properties load it, so that `import { isatty } from 'node:tty'` costs nothing. */
const builtinStub = path => {
  const names = Object.keys(createRequire(import.meta.url)(path)).filter(name => name !== 'default')
  const properties = names.map(name => `get ${name}() { return require(${JSON.stringify(path)}).${name} },`)
  return `module.exports = {${properties.join('\n')}}`
}

/** Parts of oclif that a plain run does not need: help, and what prints, which asks process.stdout for its width and loads net. */
const LAZY_PARTS = /^(\.{1,2}\/)+(help|help\/index|screen|ux|ux\/index|ux\/list)$/

/** Stands for a CommonJS module until one of its properties is read, or it is called. */
const moduleStub = (path, esModule) => `
let loaded
const load = () => (loaded ??= require(${JSON.stringify(path)}))
module.exports = new Proxy(function () {}, {
  get: (_, key) => (key === '__esModule' ? ${esModule} : load()[key]),
  apply: (_, self, args) => load().apply(self, args),
})`

const lazyModules = {
  name: 'lazy-modules',
  setup(build) {
    // main.js takes from help/ what is exported by help/util.js too, and needs no more of it for a plain run.
    build.onResolve({ filter: /^\.\/help$/ }, ({ importer }) =>
      importer.endsWith('/@oclif/core/lib/main.js') ? { path: importer, namespace: 'help-front' } : undefined,
    )
    build.onResolve({ filter: LAZY_PARTS }, ({ path, namespace, importer }) =>
      namespace === 'file' && /@oclif\/core\/lib\/(?!help|ux)/.test(importer)
        ? { path: join(dirname(importer), path), namespace: 'lazy-part', pluginData: importer }
        : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: 'help-front' }, ({ path }) => ({
      contents: `
        const { getHelpFlagAdditions, normalizeArgv } = require('./help/util')
        module.exports = { getHelpFlagAdditions, normalizeArgv, get loadHelpClass() { return require('./help/index').loadHelpClass } }`,
      loader: 'js',
      resolveDir: dirname(path),
    }))
    build.onLoad({ filter: /.*/, namespace: 'lazy-part' }, ({ path }) => ({
      contents: moduleStub(path, true),
      loader: 'js',
      resolveDir: dirname(path),
    }))
    build.onResolve({ filter: LAZY }, ({ path, namespace, importer }) =>
      namespace === 'lazy' ? undefined : { path, namespace: 'lazy', pluginData: importer },
    )
    build.onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path, pluginData }) => ({
      contents: isBuiltin(path) ? builtinStub(path) : moduleStub(path, false),
      loader: 'js',
      resolveDir: dirname(pluginData),
    }))
  },
}

/** `import.meta.url` of a module in dist/ stays what it is without the bundle. */
const moduleUrls = {
  name: 'module-urls',
  setup(build) {
    build.onLoad({ filter: /\.js$/ }, ({ path }) => {
      if (!path.startsWith(`${dist}/`)) return
      const source = readFileSync(path, 'utf8')
      if (!source.includes('import.meta.url')) return
      const place = JSON.stringify(relative(dist, path))
      return { contents: source.replaceAll('import.meta.url', `__moduleUrl(${place})`), loader: 'js' }
    })
  },
}

/** node:module loads the module loader of ESM (2 ms); the bundle is CommonJS and has a `require` that takes absolute paths. */
const nodeModule = {
  name: 'node-module',
  setup(build) {
    build.onResolve({ filter: /^node:module$/ }, ({ path }) => ({ path, namespace: 'node-module' }))
    build.onLoad({ filter: /.*/, namespace: 'node-module' }, () => ({
      contents: 'exports.createRequire = () => require',
      loader: 'js',
    }))
  },
}

const oclifParts = {
  name: 'oclif-parts',
  setup(build) {
    // command.js touches process.stdout to swallow EPIPE, which loads net and stream (2 ms); src/cli/output.ts needs neither.
    build.onLoad({ filter: /@oclif\/core\/lib\/command\.js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8')
      const handler = /^process\.stdout\.on\('error', [\s\S]*?^\}\);$/m
      if (!handler.test(source)) throw new Error(`${path}: the handler of stdout errors is not where it was`)
      return { contents: source.replace(handler, ''), loader: 'js' }
    })
    // debug: costs tty and util at load, and is silent unless DEBUG is set.
    build.onResolve({ filter: /^debug$/ }, ({ path, namespace, importer }) =>
      namespace === 'debug' ? undefined : { path, namespace: 'debug', pluginData: importer },
    )
    build.onLoad({ filter: /.*/, namespace: 'debug' }, ({ pluginData }) => ({
      contents: `
        const quiet = () => Object.assign(() => {}, { enabled: false, extend: quiet })
        module.exports = process.env.DEBUG ? require('debug') : Object.assign(quiet, { enable() {}, disable() {}, enabled: () => false })`,
      loader: 'js',
      resolveDir: dirname(pluginData),
    }))
    // wsl-utils: asks whether Linux runs inside Windows, which only names the platform.
    build.onResolve({ filter: /^wsl-utils$/ }, ({ path }) => ({ path, namespace: 'wsl' }))
    build.onLoad({ filter: /.*/, namespace: 'wsl' }, () => ({ contents: 'exports.isWsl = false', loader: 'js' }))
  },
}

/** Left to be found at run time: optional packages, oclif's TypeScript loaders, and the native socket. */
const external = ['cap', 'raw-socket', '*.node', 'typescript', 'ts-node', 'tsx', 'tsx/cjs/api', 'tsx/esm/api', 'pnpapi']

async function bundle(word, commands) {
  const outfile = join(dist, `${PREFIX}${word}.cjs`)
  const { metafile, outputFiles } = await build({
    stdin: { contents: entryOf(commands), resolveDir: dist, sourcefile: 'entry.js' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minify: true,
    keepNames: true,
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    external,
    write: false,
    plugins: [lazyModules, moduleUrls, nodeModule, oclifParts],
    banner: {
      js: "const __moduleUrl = place => require('node:url').pathToFileURL(require('node:path').join(__dirname, place)).href;",
    },
  })
  // The first line says which bundle it is, and a cache carries that in its name: V8 compares no more than the length of the
  // source, and times mean nothing once the file has been in a tarball. The rename keeps running netkits whole.
  const { contents } = outputFiles[0]
  const id = createHash('sha256').update(contents).digest('hex').slice(0, 16)
  writeFileSync(`${outfile}.part`, `//${id}\n`)
  appendFileSync(`${outfile}.part`, contents)
  renameSync(`${outfile}.part`, outfile)
  if (process.argv.includes('--sizes')) printSizes(word, metafile)
}

function printSizes(word, { outputs }) {
  const sizes = Object.entries(Object.values(outputs)[0].inputs)
  sizes.sort(([, a], [, b]) => b.bytesInOutput - a.bytesInOutput)
  for (const [file, { bytesInOutput }] of sizes.slice(0, 40)) console.log(word, bytesInOutput, file)
}

await Promise.all([...families].map(([word, commands]) => bundle(word, commands)))
const current = new Set([...families.keys()].map(word => `${PREFIX}${word}.cjs`))
for (const file of readdirSync(dist)) {
  if (file.endsWith('.cache') || (file.endsWith('.cjs') && !current.has(file))) rmSync(join(dist, file))
}
