// A host made of one program: a TUN device whose echo replies are as late and as wrong as a test asks for.

import { compileProgram } from './compile.js'
import { inNetns, spawnInNetns } from './netns.js'

/** What the responder answers with; faults hold for every probe, or for those that `every`, `only` and `above` choose. */
export interface ResponderRule {
  /** For packets to this address only. */
  to?: string
  /** Microseconds from reading a request to writing its reply. */
  hold?: number
  ttl?: number
  /** Percentage of requests that are dropped, by a generator that starts from `seed`. */
  loss?: number
  seed?: number
  /** Faults hold for every n-th request. */
  every?: number
  /** Faults hold for the request with this sequence (16 bits). */
  only?: number
  /** Faults hold for IP packets larger than this. */
  above?: number
  drop?: boolean
  /** Microseconds that are added to `hold`. */
  extra?: number
  copies?: number
  /** Payload bytes that come back inverted, under a right checksum. */
  flip?: readonly number[]
  /** Source address of the reply. */
  from?: string
  /** Payload bytes at most. */
  truncate?: number
  /** An ICMP error of this type and code, instead of a reply; about packets of other protocols too. */
  error?: readonly [type: number, code: number]
  /** Who says it; the destination when left out. */
  by?: string
  /** Bytes quoted beyond the IP header. */
  quote?: number
  /** Second word of the ICMP header: next-hop MTU, pointer in its first byte (IPv4), gateway. */
  info?: number
  mpls?: readonly { label: number; trafficClass: number; bottom: boolean; ttl: number }[]
  /** Further RFC 4884 objects. */
  objects?: readonly { class: number; type: number; hex: string }[]
  /** `legacy` leaves the length field 0, as routers from before RFC 4884 do. */
  extensions?: 'compliant' | 'legacy'
}

export interface ResponderStatistics {
  rules: number
  requests: number
  replies: number
  errors: number
  dropped: number
  /** Packets that are no echo requests. */
  other: number
  /** By how much the replies were written later than asked for. */
  excessNs: { count: number; min: number; p50: number; p99: number; max: number }
}

export interface Responder {
  readonly device: string
  /** This host's address on the device. */
  readonly local: { readonly 4: string; readonly 6: string }
  /** Every address but `local` of 10.99.0.0/16 and fd99::/64 answers; host 1 is taken. */
  address(host: number, family: 4 | 6): string
  /** Replaces the rule with the same `to`. */
  rule(rule: ResponderRule): Promise<ResponderStatistics>
  /** Takes all rules away: replies are at once and right. */
  clear(): Promise<ResponderStatistics>
  statistics(): Promise<ResponderStatistics>
  close(): Promise<void>
}

/** A rule in the words of tun-rules.h. */
export function ruleText(rule: ResponderRule): string {
  const { flip, error, mpls, objects, drop, ...plain } = rule
  const words = Object.entries(plain).map(([key, value]) => `${key}=${value}`)
  if (drop) words.push('drop=1')
  if (flip) words.push(`flip=${flip.join('+')}`)
  if (error) words.push(`error=${error.join('.')}`)
  if (mpls) {
    const entries = mpls.map(
      ({ label, trafficClass, bottom, ttl }) => `${label}.${trafficClass}.${Number(bottom)}.${ttl}`,
    )
    words.push(`mpls=${entries.join('+')}`)
  }
  for (const object of objects ?? []) words.push(`object=${object.class}.${object.type}.${object.hex}`)
  return words.join(' ')
}

/** Starts a responder on a new TUN device of a namespace; it ends with `close` or with the namespace. */
export async function startResponder(
  ns: string,
  rules: readonly ResponderRule[] = [],
  options: { device?: string; mtu?: number } = {},
): Promise<Responder> {
  const { device = 'tun0', mtu = 1500 } = options
  const program = await compileProgram('tun-responder')
  const helper = await spawnInNetns(ns, [program, device, ...rules.map(ruleText)])
  await helper.next<{ pid: number }>()
  const local = { 4: '10.99.0.1', 6: 'fd99::1' } as const
  for (const words of [
    ['link', 'set', device, 'mtu', String(mtu), 'up'],
    ['addr', 'add', `${local[4]}/16`, 'dev', device],
    ['addr', 'add', `${local[6]}/64`, 'dev', device, 'nodad'],
  ]) {
    const { code, stderr } = await inNetns(null, ['ip', '-n', ns, ...words])
    if (code !== 0) throw new Error(`ip ${words.join(' ')} failed: ${stderr}`)
  }
  return {
    device,
    local,
    address: (host, family) => (family === 4 ? `10.99.${host >> 8}.${host & 255}` : `fd99::${host.toString(16)}`),
    rule: rule => helper.ask<ResponderStatistics>(`rule ${ruleText(rule)}`),
    clear: () => helper.ask<ResponderStatistics>('clear'),
    statistics: () => helper.ask<ResponderStatistics>('stats'),
    close: () => helper.close(),
  }
}
