// A port scan of a million flows on standard input: its memory is that of the flows that are remembered, not of all.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { NETKIT, ROOT } from '../run.js'

const MIB = 1024
/** 131,072 flows that are remembered are 64 of it, Node itself and the program 57. */
const BOUND_MIB = 192
/** What the collector of garbage makes of it, from run to run. */
const NOISE_MIB = 24

/** Runs a program with what the generator makes on its standard input; says at the end how much memory it took at most. */
const MEASURE = `
import json, os, subprocess, sys
maker = subprocess.Popen(json.loads(sys.argv[1]), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
program = subprocess.Popen(json.loads(sys.argv[2]), stdin=maker.stdout, stdout=subprocess.PIPE)
maker.stdout.close()
text = program.stdout.read().decode()
_, status, usage = os.wait4(program.pid, 0)
maker.wait()
print(json.dumps({'text': text, 'code': os.waitstatus_to_exitcode(status), 'peakKiB': usage.ru_maxrss}))
`

async function decodeScan(flows: number): Promise<{ text: string; code: number; peakKiB: number }> {
  const maker = [
    process.execPath,
    fileURLToPath(new URL('bench/make-capture.mjs', `file://${ROOT}/`)),
    '-',
    '--scan',
    `${flows}`,
  ]
  const program = [NETKIT, 'decode', '-']
  const child = spawn('python3', ['-c', MEASURE, JSON.stringify(maker), JSON.stringify(program)])
  let text = ''
  child.stdout.setEncoding('utf8').on('data', more => {
    text += more
  })
  await once(child, 'close')
  return JSON.parse(text)
}

test('a million flows of one packet each go by in bounded memory, and every one is counted', {
  timeout: 240_000,
}, async () => {
  // Of both most are forgotten before the end.
  const few = await decodeScan(500_000)
  const many = await decodeScan(1_000_000)
  expect(few).toMatchObject({ code: 0, text: expect.stringContaining('no-answer 500,000\n') })
  expect(many).toMatchObject({ code: 0, text: expect.stringContaining('no-answer 1,000,000\n') })
  expect(many.text).toContain('999,960 more flows')
  expect(many.peakKiB / MIB).toBeLessThan(BOUND_MIB)
  expect((many.peakKiB - few.peakKiB) / MIB).toBeLessThan(NOISE_MIB)
})
