import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { CAPTURE_RULES, FLOW_RULES } from '../../src/flow/finding-rules.js'
import { LABELS, RETRANSMISSION_KINDS } from '../../src/flow/labels.js'
import {
  type ClientBy,
  type Closing,
  type Opening,
  OUTCOMES,
  type ResetClass,
  type TcpFacts,
} from '../../src/flow/model.js'

const DOCUMENT = readFileSync(new URL('../../docs/labels.md', import.meta.url), 'utf8')

/** First column of the table with this title over it. */
function namesUnder(title: string): string[] {
  const lines = DOCUMENT.split('\n')
  const head = lines.findIndex(line => line.startsWith(`| ${title} |`))
  const rows = lines.slice(head + 2)
  const end = rows.findIndex(line => !line.startsWith('|'))
  return rows.slice(0, end).map(row => /^\| `([^`]+)` \|/.exec(row)?.[1] ?? row)
}

/** All names of a type: the compiler misses none. */
const namesOf = <Name extends string>(names: Record<Name, true>): string[] => Object.keys(names)

test('each packet label and each kind of retransmission has its line, and no other has', () => {
  expect(namesUnder('label')).toEqual([...LABELS])
  expect(namesUnder('kind').sort()).toEqual([...RETRANSMISSION_KINDS].sort())
})

test('so has what is said of a connection', () => {
  const openings = namesOf<Opening>({
    full: true,
    half: true,
    'syn-only': true,
    'syn-ack-only': true,
    simultaneous: true,
    split: true,
    midstream: true,
  })
  const closings = namesOf<Closing>({
    'fin-both': true,
    'fin-client': true,
    'fin-server': true,
    'rst-client': true,
    'rst-server': true,
    icmp: true,
    none: true,
  })
  const classes = namesOf<ResetClass>({
    refuse: true,
    abort: true,
    'answer-to-stray': true,
    ignored: true,
    'injected-suspect': true,
    'idle-timeout-suspect': true,
  })
  const phases = namesOf<NonNullable<TcpFacts['resetPhase']>>({
    handshake: true,
    'before-data': true,
    'after-data': true,
    'after-fin': true,
  })
  expect(namesUnder('outcome')).toEqual([...OUTCOMES])
  expect(namesUnder('opening')).toEqual(openings)
  expect(namesUnder('closing')).toEqual(closings)
  expect(namesUnder('reset class')).toEqual(classes)
  expect(namesUnder('reset phase')).toEqual(phases)
  expect(namesUnder('client by')).toEqual(
    namesOf<ClientBy>({ syn: true, 'syn-ack': true, port: true, 'first-packet': true }),
  )
})

test('and so has each rule of a finding, in the order in which they are told', () => {
  const [aboutCapture, ...rest] = DOCUMENT.split('### About the capture')[1]!.split('### About connections')
  const rules = (text: string): string[] =>
    [...text.matchAll(/^\| `([^`]+)` \| (?:error|warning|note) \|/gm)].map(row => row[1]!)
  expect(rules(aboutCapture!)).toEqual([...CAPTURE_RULES])
  expect(rules(rest.join(''))).toEqual(FLOW_RULES.map(({ name }) => name))
})
