// A hangup while a trace writes to a pipe.

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { spawnNetkit } from './run.js'

// With UDP nobody needs a permission.
const TRACE = ['trace', '-n', '-u', '-c', '100000', '-i', '0.05', '127.0.0.1']

/** Output up to the end; `onFirst` once something of the run has been read. */
async function outputOf(child: ChildProcess, onFirst: () => void): Promise<{ text: string; signal: unknown }> {
  let text = ''
  child.stdout!.setEncoding('utf8').on('data', part => {
    if (text === '') onFirst()
    text += part
  })
  const [, signal] = await once(child, 'close')
  return { text, signal }
}

test('a hangup ends a trace as SIGTERM does: what is known is printed', async () => {
  const child = spawnNetkit([...TRACE, '--ndjson'])
  const { text, signal } = await outputOf(child, () => child.kill('SIGHUP'))
  expect(signal).toBe(null)
  expect(JSON.parse(text.trim().split('\n').at(-1)!)).toMatchObject({ event: 'summary' })
})
