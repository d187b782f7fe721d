// Dumps of TCP sockets through a scripted connection.

import { expect } from 'vitest'
import { decodeInet } from '../../src/sockets/diag/inet-diag.js'
import { type DumpOutcome, type DumpRequest, dumpSockets } from '../../src/sockets/dump.js'
import { SocketRecord } from '../../src/sockets/record.js'
import { concat } from '../sockets/diag/build.js'
import { type Answer, done, FakeConnection, socketMessage } from './fake.js'

export const REQUEST: DumpRequest = {
  payload: Uint8Array.of(1, 2, 3, 4),
  attributes: [],
  decode: (data, start, end, record) => decodeInet(data, start, end, 'tcp', record),
}

/** One datagram with these sockets. */
export const part = (...cookies: number[]): Uint8Array => concat(...cookies.map(cookie => socketMessage(cookie)))
/** An answer that is complete in one read. */
export const whole = (...parts: (readonly number[])[]): Answer => [[...parts.map(cookies => part(...cookies)), done()]]
export const FINE: DumpOutcome = { errno: 0, passes: 1, duplicatesRemoved: 0, differed: false, damaged: 0 }

interface Result {
  outcome: DumpOutcome
  seen: number[]
  connection: FakeConnection
}

export async function dump(
  script: readonly Answer[] | FakeConnection,
  pause: () => Promise<void> | null = () => null,
  now: () => number = () => 0,
): Promise<Result> {
  const connection = script instanceof FakeConnection ? script : new FakeConnection(script)
  const seen: number[] = []
  const record = new SocketRecord()
  const outcome = await dumpSockets(
    connection,
    REQUEST,
    record,
    now,
    one => {
      // The message that the record was read from is there to be kept.
      expect(one.data.getInt32(one.messageStart + 44, true)).toBe(one.cookieLow)
      expect(one.messageEnd - one.messageStart).toBe(72)
      seen.push(one.cookieLow)
    },
    pause,
  )
  return { outcome, seen, connection }
}
