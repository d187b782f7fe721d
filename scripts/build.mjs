#!/usr/bin/env node
// Builds everything, quietly: native socket, JavaScript, manifest, bundle, code cache. Says only what went wrong.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Runs Node on `script`. `required` steps end the build when they fail; all show their output only then. */
function step(script, args, { required, env }) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, script), ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  if (status !== 0 || !required) process.stderr.write(`${stdout}${stderr}`)
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

/** One run of every command, for the code cache to hold what a run compiles. `--help` would be the same for all of them. */
function warm() {
  step('bin/run.js', ['ss', '-H'], { required: false, env: { NODE_OPTIONS: '', NETKIT_STOCK: '' } })
}

if (existsSync(join(root, 'scripts/build-native.mjs'))) step('scripts/build-native.mjs', [], { required: false })
step('node_modules/typescript/bin/tsc', ['-p', 'tsconfig.json'], { required: true })
prune()
step('scripts/manifest.mjs', [], { required: true })
step('scripts/bundle.mjs', [], { required: true })
warm()
