#!/usr/bin/env node
// Builds the native socket into prebuilds/. Without a compiler it says so, and netkit works from procfs.
//
//   node scripts/build-native.mjs [--force]      build, unless prebuilds/ is newer than the sources
//   node scripts/build-native.mjs --sanitize     build native/build-sanitize/netkit.node with ASan and UBSan

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const native = join(root, 'native')
const sanitize = process.argv.includes('--sanitize')
const force = process.argv.includes('--force') || sanitize
const prebuilt = `prebuilds/linux-${process.arch}/netkit.node`
const sources = readdirSync(native).filter(name => /\.(cc|h|gyp)$/.test(name))

/** Not an error of netkit's: an install must not fail for it. */
function giveUp(why, remedy) {
  console.error(`netkit: native socket not built (${why}); netkit will read sockets from procfs. ${remedy}`)
  process.exit(0)
}

function fail(output) {
  console.error(`netkit: building the native socket failed\n${output.trimEnd()}`)
  process.exit(1)
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', ...options })
  return { ok: result.status === 0, output: `${result.stdout ?? ''}${result.stderr ?? ''}` }
}

function isUpToDate() {
  const target = join(root, prebuilt)
  if (!existsSync(target)) return false
  const built = statSync(target).mtimeMs
  return sources.every(name => statSync(join(native, name)).mtimeMs < built)
}

/** One probe for three things: a compiler, its C++ library, and C++20. */
function requireTools() {
  const remedy = 'To build it: apt-get install g++ make python3, then node scripts/build-native.mjs'
  const compiler = process.env.CXX || 'g++'
  const probe = `${compiler} -std=c++20 -fsyntax-only -x c++ -`
  if (!run('sh', ['-c', probe], { input: '#include <version>\n' }).ok) giveUp(`no C++20 compiler ${compiler}`, remedy)
  for (const tool of ['make', 'python3']) {
    if (!run(tool, ['--version']).ok) giveUp(`no ${tool}`, remedy)
  }
}

function nodeGyp() {
  try {
    return createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')
  } catch {
    return giveUp('no node-gyp', 'To build it: npm install --include=dev, then node scripts/build-native.mjs')
  }
}

/** A Node installed with its headers needs no download of them. */
function headerArguments() {
  const prefix = dirname(dirname(process.execPath))
  return existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : []
}

/** The sanitized build has a directory of its own, as node-gyp always builds into ./build of its project. */
function sanitizeProject() {
  const project = join(native, 'build-sanitize')
  mkdirSync(project, { recursive: true })
  writeFileSync(join(project, '.gitignore'), '*\n')
  for (const name of sources) copyFileSync(join(native, name), join(project, name))
  return project
}

function build(project, variables) {
  const gyp = nodeGyp()
  const common = ['--directory', project, ...headerArguments()]
  const configured = run(process.execPath, [gyp, 'configure', ...common, '--', ...variables])
  if (!configured.ok) {
    const why = /gyp ERR! stack (?:Error: )?(\S.*)/.exec(configured.output)?.[1] ?? 'node-gyp configure failed'
    giveUp(why, "It needs Node's headers: allow the download, or name them with npm_config_nodedir")
  }
  const made = run(process.execPath, [gyp, 'build', ...common])
  if (!made.ok) fail(made.output)
  return join(project, 'build/Release/netkit.node')
}

/** By rename: a program that has the old file mapped keeps it. */
function install(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  const temporary = `${to}.${process.pid}`
  copyFileSync(from, temporary)
  renameSync(temporary, to)
}

if (process.platform !== 'linux') giveUp(`this is ${process.platform}`, 'netkit is for Linux')
if (!force && isUpToDate()) {
  console.log(`netkit: ${prebuilt} is up to date`)
} else {
  requireTools()
  if (sanitize) {
    const project = sanitizeProject()
    install(build(project, ['-Dsanitize=yes']), join(project, 'netkit.node'))
    console.log('netkit: built native/build-sanitize/netkit.node')
  } else {
    const made = build(native, [])
    install(made, join(root, prebuilt))
    // One copy only, or the loader's second choice could be an older one.
    rmSync(made)
    console.log(`netkit: built ${prebuilt} (${statSync(join(root, prebuilt)).size} bytes)`)
  }
}
