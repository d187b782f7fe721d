// One socket as JSON text, made without the model object where only plain fields are there.

import type { SocketLookups } from '../sockets/lookups.js'
import type { SocketRecord } from '../sockets/record.js'
import { toSocket } from '../sockets/to-model.js'

/** JSON text of one socket on one line. */
export function socketJson(record: SocketRecord, lookups: SocketLookups): string {
  return JSON.stringify(toSocket(record, lookups))
}
