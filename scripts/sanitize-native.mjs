#!/usr/bin/env node
// Runs every call of the native socket under AddressSanitizer and UndefinedBehaviorSanitizer, and looks for leaks that
// have a frame of ours in their stack: Node and V8 leave much behind on purpose.

import { execFileSync, spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const addon = join(root, 'native/build-sanitize/netkit.node')
const program = join(root, 'test/native/sanitize-run.mjs')

execFileSync(process.execPath, [join(root, 'scripts/build-native.mjs'), '--sanitize'], { stdio: 'inherit' })

const compiler = process.env.CXX || 'g++'
const library = name => execFileSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).trim()

function run(asanOptions) {
  const env = {
    ...process.env,
    // libstdc++ too: Node brings its own, and ASan must find the real __cxa_throw when it starts.
    LD_PRELOAD: [library('libasan.so'), library('libubsan.so'), library('libstdc++.so')].join(' '),
    ASAN_OPTIONS: asanOptions,
    UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
  }
  return spawnSync(process.execPath, [program, addon], { env, encoding: 'utf8', maxBuffer: 2 ** 28 })
}

const clean = run('detect_leaks=0')
// A status of 0 is not enough: the program must have reached its last line.
if (clean.status !== 0 || !clean.stdout.includes('every call is clean')) {
  console.error(`${clean.stdout}${clean.stderr}`)
  process.exit(1)
}

const leaks = run('detect_leaks=1')
const ours = leaks.stderr.split('\n\n').filter(part => /leak of/.test(part) && part.includes('netkit::'))
if (!leaks.stdout.includes('every call is clean') || ours.length > 0) {
  console.error(ours.length > 0 ? ours.join('\n\n') : `${leaks.stdout}${leaks.stderr}`)
  process.exit(1)
}
process.stdout.write(clean.stdout)
console.log('native socket: no error under ASan and UBSan, no leak of ours')
