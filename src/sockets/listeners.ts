// Finds the listener that a connection came in by, so that what waits in an accept queue has an owner.

import type { Protocol } from './constants.js'
import type { SocketRecord } from './record.js'
import { CLOSE_WAIT, ESTABLISHED, LISTENING, SYN_RECV } from './states.js'

/** The fields of a record that say where a socket is bound. */
export type BoundSocket = Pick<
  SocketRecord,
  | 'protocol'
  | 'family'
  | 'state'
  | 'localPort'
  | 'local0'
  | 'local1'
  | 'local2'
  | 'local3'
  | 'ifindex'
  | 'inode'
  | 'netns'
>

/** What is kept of a listener. */
export interface Listener {
  inode: number
  ifindex: number
}

const WITH_ACCEPT_QUEUE: readonly Protocol[] = ['tcp', 'mptcp', 'sctp']

/** True for a connection that waits in an accept queue: complete (CLOSE-WAIT if the client gave up), but in no process. */
export function isUnaccepted(socket: BoundSocket): boolean {
  const { inode, state, protocol } = socket
  return inode === 0 && (state === ESTABLISHED || state === CLOSE_WAIT) && WITH_ACCEPT_QUEUE.includes(protocol)
}

/** True for what belongs to a listener without having a file of its own: waiting to be accepted, or half-open. */
export function belongsToListener(socket: BoundSocket): boolean {
  return isUnaccepted(socket) || (socket.state === SYN_RECV && WITH_ACCEPT_QUEUE.includes(socket.protocol))
}

/**
 * Listeners by address, asked for the one that the kernel would choose (net/ipv4/inet_hashtables.c, inet_lookup_listener):
 * 1. The family is the listener's own. An IPv4 connection that a dual-stack `::` listener took is an IPv6 socket with a mapped
 *    address, so it never belongs to a `0.0.0.0` listener, nor the reverse.
 * 2. An exact address goes before the wildcard.
 * 3. A listener bound to the connection's interface goes before one bound to none; one bound to another never matches.
 * Several are left only where they share the port by SO_REUSEPORT: the kernel chose one by a hash that nobody can see.
 */
export class ListenerIndex {
  private readonly byAddress = new Map<string, Listener[]>()

  /** Remembers a socket if it is a listener. */
  add(socket: BoundSocket): void {
    if (socket.state !== LISTENING || !WITH_ACCEPT_QUEUE.includes(socket.protocol)) return
    const key = keyOf(socket, false)
    const listener = { inode: socket.inode, ifindex: socket.ifindex }
    const same = this.byAddress.get(key)
    if (same) same.push(listener)
    else this.byAddress.set(key, [listener])
  }

  /** The listeners that `socket` may have come in by: usually one, none when it is gone or was not added. */
  find(socket: BoundSocket): readonly Listener[] {
    const exact = best(this.byAddress.get(keyOf(socket, false)), socket.ifindex)
    return exact.length > 0 ? exact : best(this.byAddress.get(keyOf(socket, true)), socket.ifindex)
  }
}

function best(listeners: readonly Listener[] | undefined, ifindex: number): readonly Listener[] {
  if (listeners === undefined) return []
  const bound = listeners.filter(listener => listener.ifindex !== 0 && listener.ifindex === ifindex)
  return bound.length > 0 ? bound : listeners.filter(listener => listener.ifindex === 0)
}

function keyOf(socket: BoundSocket, wildcard: boolean): string {
  const { netns, protocol, family, localPort, local0, local1, local2, local3 } = socket
  const head = `${netns} ${protocol} ${family} ${localPort}`
  return wildcard ? `${head} 0 0 0 0` : `${head} ${local0} ${local1} ${local2} ${local3}`
}
