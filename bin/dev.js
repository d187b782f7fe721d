#!/usr/bin/env node
// netkit from source, without a build: stock oclif over src/commands.

const { register } = require('node:module')
const { dirname, join } = require('node:path')
const { pathToFileURL } = require('node:url')

const root = dirname(__dirname)
register(pathToFileURL(join(root, 'scripts', 'typescript-hooks.mjs')))

async function start() {
  const { Plugin } = await import('@oclif/core')
  const pjson = require('../package.json')
  pjson.oclif.commands = './src/commands'
  const plugin = new Plugin({ root, pjson, isRoot: true, ignoreManifest: true, errorOnManifestCreate: true })
  await plugin.load()
  const { main } = await import(join(root, 'src', 'cli', 'main.ts'))
  await main(process.argv.slice(2), { root, pjson, plugins: new Map([[plugin.name, plugin]]) })
}

start()
