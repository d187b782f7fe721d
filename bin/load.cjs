// Starts netkit: the command's bundle with its code cache, else (help, version, mistakes, NETKIT_STOCK=1) oclif from dist/.
//
// V8 runs a code cache without verifying it, and netkit often runs as root: a cache is used only when nobody but root or the user
// netkit runs as can have written it, and it is written only into a directory of which the same is true.

const fs = require('node:fs')
const path = require('node:path')
const vm = require('node:vm')

const root = path.dirname(__dirname)
const dist = path.join(root, 'dist')
const args = process.argv.slice(2)
/** One for each command; what has none, and a word that is no command, is for oclif. */
const name = /^[a-z]+$/.test(args[0] ?? '') ? `bundle-${args[0]}` : null
const bundle = path.join(dist, `${name}.cjs`)
/** Caches of this Node; the rest of the name is the id in the bundle's first line. */
const cachePrefix = `${name}-${process.version}-${process.arch}-`

/** Owned by root or by the effective user, and writable by nobody else. */
function isTrusted({ uid, mode }) {
  return (uid === 0 || uid === process.geteuid()) && (mode & 0o022) === 0
}

/** The code cache, if it is trusted. */
function readCache(cache) {
  let file
  try {
    file = fs.openSync(cache, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW)
    if (isTrusted(fs.fstatSync(file))) return fs.readFileSync(file)
  } catch {
  } finally {
    if (file !== undefined) fs.closeSync(file)
  }
  return undefined
}

/**
 * Kept at exit, so that it holds the functions compiled on the way; caches of earlier bundles go. A failure costs 30 ms at the
 * next start and nothing else.
 */
function writeCache(script, cache) {
  const part = `${cache}.${process.pid}`
  try {
    if (!isTrusted(fs.statSync(dist))) return
    const file = fs.openSync(part, 'wx', 0o644)
    try {
      fs.writeSync(file, script.createCachedData())
    } finally {
      fs.closeSync(file)
    }
    fs.renameSync(part, cache)
    for (const file of fs.readdirSync(dist)) {
      if (file.startsWith(cachePrefix) && file.endsWith('.cache') && path.join(dist, file) !== cache) {
        fs.rmSync(path.join(dist, file), { force: true })
      }
    }
  } catch {
    fs.rmSync(part, { force: true })
  }
}

/** True when there is a bundle of the command, which has taken the command line. */
function startBundle() {
  if (name === null) return false
  let source
  try {
    // The bundle is pure ASCII: latin1 is one byte a character in V8.
    source = fs.readFileSync(bundle, 'latin1')
  } catch {
    return false
  }
  const id = source.slice(2, source.indexOf('\n'))
  // V8 itself compares no more than the length of the source.
  const cache = path.join(dist, `${cachePrefix}${id}.cache`)
  const cachedData = readCache(cache)
  const script = new vm.Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
    filename: bundle,
    cachedData,
    importModuleDynamically: vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
  // V8 flags change what a cache is good for; with them one would drive the other out at every start.
  const ordinary = process.execArgv.length === 0 && !process.env.NODE_OPTIONS
  // The build warms the cache with one command after the other.
  const wanted = cachedData === undefined || script.cachedDataRejected || process.env.NETKIT_WARM_CACHE
  if (ordinary && wanted) process.once('exit', () => writeCache(script, cache))
  const bundled = { exports: {} }
  script.runInThisContext()(bundled.exports, require, bundled, bundle, dist)
  bundled.exports.start(args, root)
  return true
}

async function startStock() {
  const main = path.join(dist, 'cli', 'main.js')
  if (!fs.existsSync(main)) {
    fs.writeSync(2, 'netkit: netkit has not been built yet\n  npm run build\n')
    process.exitCode = 4
    return
  }
  const cli = await import(main)
  await cli.main(args, { root })
}

if (process.env.NETKIT_STOCK || !startBundle()) startStock()
