// What the probe transports of ICMP and UDP share: the reply that they reuse, and the errors that wait on a socket.

import { ERRNO } from '../errors/index.js'
import type { ProbeReply } from '../ports/probe.js'

/**
 * Errnos that an ICMP error leaves waiting on the socket (net/ipv4/icmp.c icmp_err_convert, net/ipv4/ping.c ping_err, net/ipv6/icmp.c
 * tab_unreach). EMSGSIZE is one too, but when it comes again after the native repetition it is nearly always the message's own.
 */
export const ICMP_ERRNOS: readonly number[] = [
  ERRNO.ENETUNREACH,
  ERRNO.EHOSTUNREACH,
  ERRNO.ENOPROTOOPT,
  ERRNO.ECONNREFUSED,
  ERRNO.EOPNOTSUPP,
  ERRNO.EHOSTDOWN,
  ERRNO.ENONET,
  ERRNO.EACCES,
  ERRNO.EPROTO,
  ERRNO.EREMOTEIO,
]

/** A reply of which nothing is known yet. @param data where payloads will lie */
export function emptyReply(answer: ProbeReply['answer'], data: Uint8Array): ProbeReply {
  return {
    answer,
    target: -1,
    sequence: -1,
    wireSequence: -1,
    from: '',
    fromTarget: -1,
    receivedNs: 0,
    kernelStamp: false,
    readNs: 0,
    readMonoNs: 0,
    rttNs: Number.NaN,
    ttl: -1,
    bytes: 0,
    data,
    payloadStart: 0,
    payloadEnd: 0,
    synRetransmits: -1,
    ipOptions: null,
  }
}
