#!/usr/bin/env node
// Commands that misbehave in one way each, through the same main() as netkit's own.

import { fileURLToPath } from 'node:url'
import { main } from '../../../dist/cli/main.js'

await main(process.argv.slice(2), { root: fileURLToPath(new URL('.', import.meta.url)) })
