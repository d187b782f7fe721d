import { expect, test } from 'vitest'
import type { Finding } from '../../src/flow/finding.js'
import { explainLines } from '../../src/render/decode-explain.js'

const FINDING: Finding = {
  rule: 'refused',
  severity: 'error',
  flow: 7,
  flows: 1,
  frames: [3, 4],
  sentence: '10.0.0.2:80 refused 10.0.0.1:4000 (frames 3, 4): nobody listens on the port, or a filter rejects it',
  numbers: { refusals: 1 },
}

test('a finding is its severity, rule and flow, and a sentence that fits the width', () => {
  expect(explainLines([FINDING], 60)).toEqual([
    'error: refused, flow 7',
    '   10.0.0.2:80 refused 10.0.0.1:4000 (frames 3, 4): nobody',
    '   listens on the port, or a filter rejects it.',
  ])
})

test('frames that the sentence does not name have a line; several flows and the capture itself are said', () => {
  const capture: Finding = { ...FINDING, flow: null, flows: 0, frames: [9], sentence: 'the clock went back' }
  expect(explainLines([{ ...FINDING, flows: 40 }, capture], 200)).toEqual([
    'error: refused, 40 flows, the worst 7',
    '   10.0.0.2:80 refused 10.0.0.1:4000 (frames 3, 4): nobody listens on the port, or a filter rejects it.',
    '',
    'error: refused, the capture itself',
    '   The clock went back.',
    '   frame 9',
  ])
})

test('no finding is said too, and foreign text cannot reach the terminal as control bytes', () => {
  expect(explainLines([], 80)).toEqual(['no findings: nothing here is out of the ordinary'])
  const lines = explainLines([{ ...FINDING, sentence: 'a \u001b[31mred\u0007 router (frame 1)' }], 200)
  expect(lines.join('')).toMatch(/^[\x20-\x7e]+$/)
})
