#!/usr/bin/env node
// Builds everything, quietly: native socket, JavaScript, manifest, bundle, code cache. Says only what went wrong.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Runs Node on `script`, and shows what it printed when it failed; a failed `required` step ends the build. */
function step(script, args, { required, env, input }) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, script), ...args], {
    cwd: root,
    encoding: 'utf8',
    input,
    env: { ...process.env, ...env },
  })
  if (status !== 0) process.stderr.write(`${stdout}${stderr}`)
  if (status !== 0 && required) {
    console.error(`netkit: the build stopped at ${script}`)
    process.exit(1)
  }
}

/** Compiled files whose source is gone; a stale command would come back into the manifest. */
function prune() {
  for (const file of readdirSync(join(root, 'dist'), { recursive: true })) {
    const module = /^(.*)\.(?:js|d\.ts)$/.exec(file)?.[1]
    if (module !== undefined && !existsSync(join(root, 'src', `${module}.ts`))) rmSync(join(root, 'dist', file))
  }
}

/** A capture of one SYN: head of the file, of the packet, IPv4, TCP. */
const SYN_CAPTURE = [
  'd4c3b2a1020004000000000000000000ffff000065000000',
  '00000000000000002800000028000000',
  '4500002800014000400600000a0000010a000002',
  '9c40005000000001000000005002ffff00000000',
]

/** One harmless run of each command whose start matters: the code cache then holds what a run compiles. */
const WARM_RUNS = [
  ['ss', '-H'],
  ['ping', '-q', '-c1', '-W0.1', '127.0.0.1'],
  ['ping', '-W0.1', '127.0.0.0/24'],
  ['trace', '-n', '127.0.0.1'],
  ['decode', '-'],
]

// Speaks for itself when there is no compiler, and never fails the build.
spawnSync(process.execPath, ['scripts/build-native.mjs'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
step('node_modules/typescript/bin/tsc', ['-p', 'tsconfig.json'], { required: true })
prune()
step('scripts/manifest.mjs', [], { required: true })
step('scripts/bundle.mjs', [], { required: true })
for (const args of WARM_RUNS) {
  step('bin/run.js', args, {
    required: false,
    env: { NODE_OPTIONS: '', NETKIT_STOCK: '', NETKIT_WARM_CACHE: '1' },
    input: Buffer.from(SYN_CAPTURE.join(''), 'hex'),
  })
}
