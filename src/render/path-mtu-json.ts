// What path MTU discovery found, for machines.

import { errnoName, errnoWords } from '../errors/errno.js'
import type { PathMtuError, PathMtuResult } from '../probe/path-mtu-result.js'
import { icmpReason } from '../wire/icmp-words.js'

/** One target of the document of `--mtu --json`, and its line of `--ndjson`. */
export function pathMtuObject({ target, error, ...result }: PathMtuResult): object {
  return {
    target: target.target,
    address: target.address,
    ...result,
    error: error === null ? null : errorObject(target.family, error),
  }
}

/** A target that has no address. */
export function unresolvedMtuObject(target: string, reason: string): object {
  return {
    target,
    address: null,
    transport: null,
    pathMtu: null,
    largestPayload: null,
    limit: null,
    error: { from: null, type: null, code: null, errno: null, reason },
    timeMs: 0,
    probes: [],
  }
}

function errorObject(family: 4 | 6, { from, type, code, errno }: PathMtuError): object {
  const reason = type === null || code === null ? errnoWords(errno) : icmpReason(family, type, code, { mtu: 0 })
  return { from, type, code, errno: errnoName(errno), reason }
}
