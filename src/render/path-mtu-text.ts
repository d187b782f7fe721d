// What path MTU discovery found, in sentences. The result itself is its JSON.

import { printable } from '../bytes/printable.js'
import { errnoWords } from '../errors/errno.js'
import type { PathMtuError, PathMtuResult } from '../probe/path-mtu-result.js'
import { icmpReason } from '../wire/icmp-words.js'
import { counted, formatRtt, type NameOf, shownAddress } from './ping-words.js'

/** RFC 8200 section 5: what every link of IPv6 must carry. */
const LEAST_IPV6_MTU = 1280

/** The findings, most important first. @param nameOf names of the addresses that reported something */
export function pathMtuLines(result: PathMtuResult, nameOf: NameOf): string[] {
  const { pathMtu, largestPayload, target } = result
  const host = target.target === target.address ? '' : `${printable(target.target)} (`
  const shown = `${host}${printable(target.address)}${host === '' ? '' : ')'}`
  if (pathMtu === null) return [`${shown} does not answer: no path MTU`, ...silenceLines(result, nameOf)]
  return [
    `path MTU to ${shown}: ${pathMtu} bytes (payload of ${largestPayload} bytes)`,
    limitLine(result, nameOf),
    ...standardLines(result),
    probesLine(result),
  ]
}

function limitLine({ limit, target, pathMtu }: PathMtuResult, nameOf: NameOf): string {
  switch (limit?.by) {
    case 'icmp': {
      const who = limit.from === null ? 'a router' : shownAddress(limit.from, nameOf)
      if (limit.mtu === null) return `limit: ${who} says that larger packets are too big, but not how large they may be`
      const words =
        target.family === 4 ? icmpReason(4, 3, 4, { mtu: limit.mtu }) : icmpReason(6, 2, 0, { mtu: limit.mtu })
      return `limit: ${who} says: ${words}`
    }
    case 'local':
      return `limit: the interface of this host, which takes packets of ${limit.mtu} bytes`
    case 'black-hole':
      return (
        `limit: a black hole: packets of ${limit.smallestLost} bytes vanish without a word, ` +
        'there or on the way back, while smaller ones are answered'
      )
    case 'unknown':
      return `limit: not found in time: the path MTU is between ${pathMtu} and ${limit.largestPossible} bytes`
    default:
      return 'limit: none, the largest packet that there is arrives'
  }
}

function standardLines({ target, pathMtu }: PathMtuResult): string[] {
  if (target.family === 4 || pathMtu === null || pathMtu >= LEAST_IPV6_MTU) return []
  return [`less than the ${LEAST_IPV6_MTU} bytes that every link of IPv6 must carry (RFC 8200)`]
}

function probesLine({ probes, timeMs }: PathMtuResult): string {
  const count = (outcome: string): number => probes.filter(probe => probe.outcome === outcome).length
  const others = [
    [count('too-big'), 'too big'],
    [count('refused'), 'refused by this host'],
    [count('unreachable'), 'unreachable'],
    [count('lost'), 'lost'],
  ] as const
  const told = others.filter(([number]) => number > 0).map(([number, words]) => `, ${number} ${words}`)
  return `${counted(probes.length, 'probe')} in ${formatRtt(timeMs)} ms: ${count('answered')} answered${told.join('')}`
}

function silenceLines({ error, probes, target }: PathMtuResult, nameOf: NameOf): string[] {
  const tooBig = probes.find(({ outcome }) => outcome === 'too-big')
  if (error === null && tooBig !== undefined) {
    const who = tooBig.from === null ? 'a router' : shownAddress(tooBig.from, nameOf)
    return [`${who} says that even packets of ${tooBig.sizeBytes} bytes are too big`]
  }
  if (error === null) return [`${counted(probes.length, 'small probe')} without an answer or an error`]
  return [`${speaker(error, nameOf)}: ${reason(target.family, error)}`]
}

function speaker({ from, type }: PathMtuError, nameOf: NameOf): string {
  if (from !== null) return `${shownAddress(from, nameOf)} says`
  return type === null ? 'this host refuses' : 'a router says'
}

function reason(family: 4 | 6, { type, code, errno }: PathMtuError): string {
  return type === null || code === null ? errnoWords(errno) : icmpReason(family, type, code, { mtu: 0 })
}
