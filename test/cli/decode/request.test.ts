// What the flags of netkit decode ask for: states as ss names them, one by one and in groups.

import { expect, it } from 'vitest'
import { parseDecodeRequest } from '../../../src/cli/decode/request.js'

const states = (...state: string[]): string[] =>
  [...parseDecodeRequest({ state }, 'text').selection.wanted.states].sort()

it.each([
  // ss(8): time-wait and syn-recv are kept as minisockets.
  ['bucket', ['syn-recv', 'time-wait']],
  ['timewait,CLOSE_WAIT', ['close-wait', 'time-wait']],
  ['close', ['closed']],
  // All but listening and closed; without syn-sent.
  [
    'synchronized',
    ['close-wait', 'closing', 'established', 'fin-wait-1', 'fin-wait-2', 'last-ack', 'syn-recv', 'time-wait'],
  ],
])('--state %s is what ss takes it for', (text, wanted) => {
  expect(states(text)).toEqual(wanted)
})

it.each(['bound-inactive', 'sleeping'])('--state %s is refused, since no end of a flow is in it', text => {
  expect(() => states(text)).toThrow(`there is no state ${text}`)
})
