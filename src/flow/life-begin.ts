// Which end of a connection is the client, by what is seen of it.

import { TCP_ACK, TCP_SYN, type WalkedPacket } from '../wire/walked-packet.js'
import {
  BEGUN,
  BITS,
  CLIENT_BY_PORT,
  CLIENT_BY_SYN,
  CLIENT_BY_SYN_ACK,
  CLIENT_IS_1,
  FIRST_SYN_IS_1,
} from './life-words.js'

const WELL_KNOWN_PORTS = 1024
/** Linux takes ports for clients from here on (ip_local_port_range), others from 49152 (RFC 6335). */
const EPHEMERAL_PORTS = 32768

/** The client is the sender of the first SYN, else the receiver of the first SYN-ACK, else told by ports, else the first sender. */
export function decideClient(words: Int32Array, at: number, sender: 0 | 1, walked: WalkedPacket): void {
  const bits = words[at + BITS]!
  const handshake = walked.flags & (TCP_SYN | TCP_ACK)
  if (handshake === TCP_SYN) {
    if ((bits & CLIENT_BY_SYN) !== 0) return
    const first = sender === 1 ? FIRST_SYN_IS_1 : 0
    words[at + BITS] = withClient(bits, sender) | CLIENT_BY_SYN | BEGUN | first
  } else if (handshake === (TCP_SYN | TCP_ACK)) {
    if ((bits & (CLIENT_BY_SYN | CLIENT_BY_SYN_ACK)) !== 0) return
    words[at + BITS] = withClient(bits, 1 - sender) | CLIENT_BY_SYN_ACK | BEGUN
  } else if ((bits & BEGUN) === 0) {
    const fromServer = portsSayServer(walked.sourcePort, walked.destinationPort)
    const fromClient = portsSayServer(walked.destinationPort, walked.sourcePort)
    words[at + BITS] =
      withClient(bits, fromServer ? 1 - sender : sender) | BEGUN | (fromServer || fromClient ? CLIENT_BY_PORT : 0)
  }
}

function withClient(bits: number, client: number): number {
  return client === 1 ? bits | CLIENT_IS_1 : bits & ~CLIENT_IS_1
}

function portsSayServer(port: number, other: number): boolean {
  if (port >= other) return false
  return port < WELL_KNOWN_PORTS || (port < EPHEMERAL_PORTS && other >= EPHEMERAL_PORTS)
}
