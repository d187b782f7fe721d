#!/usr/bin/env node
// Writes oclif.manifest.json, or with --check fails when the committed one is not current.
//
// The same loader as `oclif manifest` uses, without its start-up time and update notices; keys are sorted, since oclif's own order is
// that of the directory.

import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Plugin } from '@oclif/core'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const file = join(root, 'oclif.manifest.json')

const plugin = new Plugin({
  errorOnManifestCreate: true,
  ignoreManifest: true,
  respectNoCacheDefault: true,
  root,
  type: 'core',
})
await plugin.load()
const commands = Object.entries(plugin.manifest.commands).sort(([a], [b]) => (a < b ? -1 : 1))
const text = `${JSON.stringify({ ...plugin.manifest, commands: Object.fromEntries(commands) }, null, 2)}\n`

function committed() {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

if (committed() !== text) {
  if (process.argv.includes('--check')) {
    console.error('oclif.manifest.json is not current: npm run build writes it, commit it')
    process.exitCode = 1
  } else {
    writeFileSync(file, text)
  }
}
