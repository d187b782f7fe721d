// What the flags of `netkit decode` ask for, checked.

import { UsageError } from '../../errors/index.js'
import { parseAddressRange } from '../../flow/address-range.js'
import { LABELS, labelBit } from '../../flow/labels.js'
import { ENDPOINT_STATES, OUTCOMES } from '../../flow/model.js'
import { type Moment, type PortRange, Selection } from '../../flow/selection.js'
import { parseState } from '../../sockets/states.js'
import type { Format } from '../failure.js'
import { suggest } from '../suggest.js'

export interface DecodeFlags {
  packets?: boolean
  ladder?: boolean
  explain?: boolean
  flow?: readonly string[] | undefined
  host?: readonly string[] | undefined
  port?: readonly string[] | undefined
  outcome?: readonly string[] | undefined
  state?: readonly string[] | undefined
  label?: readonly string[] | undefined
  since?: string | undefined
  until?: string | undefined
  csv?: boolean
  limit?: string | undefined
  write?: string | undefined
  html?: string | undefined
  follow?: boolean
  'max-flows'?: string | undefined
  'no-limit'?: boolean
  checksums?: boolean
  'exit-code'?: boolean
}

export type Form = Format | 'csv'

export interface DecodeRequest {
  /** What is shown: flows, or packets one a line, or as arrows between the ends. */
  view: 'flows' | 'packets' | 'ladder'
  form: Form
  /** Findings instead of flows; in JSON both. */
  explain: boolean
  selection: Selection
  /** Most flows that are shown. */
  limit: number
  write: string | null
  /** File of the page. */
  html: string | null
  follow: boolean
  noLimit: boolean
  maxFlows: number | null
  verifyChecksums: boolean
  exitCode: boolean
}

const DEFAULT_LIMIT = 40

/** @throws UsageError */
export function parseDecodeRequest(flags: DecodeFlags, format: Format): DecodeRequest {
  const view = flags.ladder === true ? 'ladder' : flags.packets === true ? 'packets' : 'flows'
  if (flags.csv === true && format !== 'text') throw new UsageError(`--csv and --${format} exclude each other`)
  const form = flags.csv === true ? 'csv' : format
  if (view === 'ladder' && form !== 'text')
    throw new UsageError(`--ladder is a drawing: --packets goes with --${form === 'csv' ? 'csv' : 'ndjson'}`)
  if (view === 'packets' && form === 'json')
    throw new UsageError('packets are printed one a line: --packets goes with --ndjson')
  if (flags.explain === true && (view !== 'flows' || form === 'csv'))
    throw new UsageError(`--explain is about flows, and excludes --${form === 'csv' ? 'csv' : view}`)
  if (flags.html === '' || flags.html === '-') throw new UsageError('--html takes the name of a file')
  return {
    view,
    form,
    explain: flags.explain === true,
    selection: parseSelection(flags),
    limit: countOf('limit', flags.limit, DEFAULT_LIMIT, 0) || Number.POSITIVE_INFINITY,
    write: flags.write ?? null,
    html: flags.html ?? null,
    follow: flags.follow === true,
    noLimit: flags['no-limit'] === true,
    maxFlows: flags['max-flows'] === undefined ? null : countOf('max-flows', flags['max-flows'], 0, 1),
    verifyChecksums: flags.checksums === true,
    exitCode: flags['exit-code'] === true,
  }
}

function parseSelection(flags: DecodeFlags): Selection {
  const labels = wordsOf('label', flags.label, LABELS)
  return new Selection({
    hosts: listOf(flags.host).map(text => {
      const range = parseAddressRange(text)
      if (range !== null) return range
      throw new UsageError(`--host takes an address or a network such as 10.0.0.0/8, not ${text}`)
    }),
    ports: listOf(flags.port).map(portsOf),
    flows: new Set(listOf(flags.flow).map(text => countOf('flow', text, 0, 1))),
    outcomes: new Set(wordsOf('outcome', flags.outcome, OUTCOMES)),
    states: new Set(wordsOf('state', flags.state?.map(stateWords), ENDPOINT_STATES)),
    labels: labels.reduce((mask, label) => mask | labelBit(label), 0),
    since: momentOf('since', flags.since),
    until: momentOf('until', flags.until),
  })
}

/** Values of a flag that may be repeated, each a list with commas. */
function listOf(values: readonly string[] | undefined = []): string[] {
  return values.flatMap(value => value.split(',')).filter(word => word !== '')
}

function wordsOf<Word extends string>(
  name: string,
  values: readonly string[] | undefined,
  known: readonly Word[],
): Word[] {
  return listOf(values).map(text => {
    const word = known.find(each => each === text.toLowerCase())
    if (word !== undefined) return word
    const near = suggest(text, known)
    throw new UsageError(`there is no ${name} ${text}`, {
      hints: [near === undefined ? `one of: ${known.join(', ')}` : `did you mean ${near}?`],
    })
  })
}

/** States, and groups of them, in every spelling that ss takes; a word that is none is left to be refused. */
const stateWords = (text: string): string =>
  listOf([text])
    .map(word => {
      const mask = parseState(word) ?? 0
      const states = ENDPOINT_STATES.filter(state => ((parseState(state) ?? 0) & mask) !== 0)
      return states.join(',') || word
    })
    .join(',')

const MOST_PORT = 65_535

function portsOf(text: string): PortRange {
  const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? []
  const [from, to] = [Number(first), Number(last)]
  if (first !== undefined && from <= to && to <= MOST_PORT) return { from, to }
  throw new UsageError(`--port takes a port or a range such as 8000-8010, not ${text}`)
}

function countOf(name: string, text: string | undefined, otherwise: number, least: number): number {
  if (text === undefined) return otherwise
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= least) return value
  throw new UsageError(`--${name} takes a whole number from ${least}, not ${text}`)
}

/** Seconds since the first packet, or a date and time: that of the zone of this host unless it names one. */
function momentOf(name: string, text: string | undefined): Moment | null {
  if (text === undefined) return null
  const [, seconds, fraction = ''] = /^(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text) ?? []
  if (seconds !== undefined) return { ns: nanoseconds(seconds, fraction), isRelative: true }
  const [, head, more = '', zone = ''] =
    /^(\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/i.exec(text) ?? []
  // A date alone would be taken for one of UTC.
  const full = head === undefined || head.length > 10 ? head : `${head}T00:00`
  const ms = full === undefined ? Number.NaN : Date.parse(`${full.replace(' ', 'T')}${zone.toUpperCase()}`)
  if (!Number.isNaN(ms)) return { ns: BigInt(ms) * 1_000_000n + nanoseconds('0', more), isRelative: false }
  throw new UsageError(
    `--${name} takes seconds from the first packet, or a time such as 2026-01-31T12:00:00Z, not ${text}`,
  )
}

const nanoseconds = (seconds: string, fraction: string): bigint => BigInt(`${seconds}${fraction.padEnd(9, '0')}`)
