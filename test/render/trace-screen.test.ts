// The live view: drawn from a document and a size, and its keys on a terminal that the test is.

import { afterEach, describe, expect, test } from 'vitest'
import type { TraceDocument } from '../../src/probe/trace-document.js'
import type { ScreenLine, Terminal } from '../../src/render/live-screen.js'
import { TraceLive } from '../../src/render/trace-live.js'
import { drawTrace, elapsedWords, type TraceScreenState } from '../../src/render/trace-screen.js'
import { sparkline } from '../../src/render/trace-sparkline.js'
import { document, HOSTILE, hop, responder, SHOWN_HOSTILE, target } from './trace-documents.js'

const HOPS = [
  hop(1, [responder('10.0.0.1', { name: 'gate', notAnswering: 4, recentMs: [0.1, null, 0.4] })]),
  hop(2, []),
  hop(3, [target({ lossPercent: 20, recentMs: [1, null, 2], rttMs: { ...target().rttMs!, avg: 2 } })]),
]
const STATE: TraceScreenState = { columns: 0, sort: 'ttl', numeric: false, showAs: false, view: 'hops', paused: false }

const draw = (
  shown: TraceDocument,
  state: Partial<TraceScreenState> = {},
  size = { columns: 120, rows: 24 },
  color = false,
): ScreenLine[] => drawTrace({ document: shown, elapsedMs: 62_000, notes: [], color }, { ...STATE, ...state }, size)
const texts = (lines: readonly ScreenLine[]): string[] => lines.map(({ text }) => text)

describe('the screen', () => {
  test('has target, protocol, privilege, round and time, then keys, hops and verdict', () => {
    expect(texts(draw(document(HOPS), {}, { columns: 96, rows: 24 }))).toEqual([
      'netkit trace bee (10.0.3.2)  icmp  unprivileged  round 10  1:02',
      'p pause  r reset  d columns  f flows  s sort  n names  h help  q quit',
      ' Hop Host             Loss% NoAns   Snt  Last   Avg  Best  Wrst StDev   p95  Jttr',
      '  1. gate (10.0.0.1)   0.0%     4    10 0.100 0.200 0.050 0.300 0.050 0.300 0.020 ▂·█',
      '  2. ???                  -    10    10     -     -     -     -     -     -     -',
      '  3. 10.0.3.2         20.0%     0    10 0.100  2.00 0.050 0.300 0.050 0.300 0.020 ▄×█',
      '',
      'bee reached in 3 hops',
    ])
  })

  test.each([
    [30, 6],
    [60, 12],
    [80, 24],
    [200, 60],
    [10, 3],
  ])('fits %i columns and %i rows', (columns, rows) => {
    const many = [...HOPS, ...Array.from({ length: 25 }, (_, index) => hop(index + 4, [responder(`10.0.9.${index}`)]))]
    const lines = draw(document(many, { verdict: ['a long sentence '.repeat(30).trim()] }), {}, { columns, rows })
    expect(lines.length).toBeLessThanOrEqual(rows)
    if (rows >= 6) expect(texts(lines).join('\n')).toMatch(/ 1\. gate/)
  })

  test('a window of 80 columns shows names, counts and times, and a line that is cut says so', () => {
    const lines = texts(
      draw(document([hop(1, [responder('10.0.0.1', { name: 'n'.repeat(100) })])]), {}, { columns: 80, rows: 24 }),
    )
    expect(lines[3]!.length).toBeLessThanOrEqual(80)
    expect(lines[3]).toContain('…')
  })

  test.each([
    [80, 0, ['Loss%', 'NoAns', 'Snt', 'Last', 'Avg', 'Best', 'Wrst', 'StDev']],
    [60, 0, ['Loss%', 'NoAns', 'Snt', 'Last', 'Avg', 'Wrst']],
    [40, 0, ['Loss%', 'Snt', 'Avg']],
    [28, 0, ['Loss%']],
    [80, 2, ['Loss%', 'NoAns', 'Snt', 'Rcv', 'Best', 'p50', 'p95', 'Wrst', 'Jttr']],
  ])('%i columns show whole columns of set %i, the most important ones', (columns, set, titles) => {
    const long = responder('10.0.0.1', { name: `${'n'.repeat(60)}.example.net` })
    const shown = document([hop(1, [long]), hop(2, [target()])])
    const lines = texts(draw(shown, { columns: set }, { columns, rows: 15 }))
    const [heading, first, second] = lines.slice(2)
    expect(heading!.trim().split(/ +/).slice(2)).toEqual(titles)
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns)
    expect(first).toMatch(/^ {2}1\. n+… /)
    expect(second).toContain(' 10.0.3.2 ')
    for (const line of [first!, second!]) {
      const cells = line.trim().split(/ +/).slice(2)
      expect(cells).toHaveLength(titles.length)
      expect(cells[0]).toBe('0.0%')
      if (titles.includes('Wrst')) expect(cells[titles.indexOf('Wrst')]).toBe('0.300')
    }
  })

  test('a column is as wide as its longest number, and the name gives the room', () => {
    const busy = responder('10.0.0.1', { name: 'n'.repeat(60), sent: 12_345_678, received: 12_345_678 })
    const lines = texts(draw(document([hop(1, [busy]), hop(2, [target()])]), {}, { columns: 80, rows: 15 }))
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80)
    expect(lines[3]).toContain('… ')
    expect(lines[3]).toContain(' 12345678 ')
    expect(lines[2]!.indexOf('Snt') + 3).toBe(lines[3]!.indexOf('12345678') + 8)
  })

  test('a narrow window leaves out keys and facts whole, keeps help and quit, and wraps help, flows and paths', () => {
    for (const columns of [20, 40, 60]) {
      const size = { columns, rows: 40 }
      const [head, keys] = texts(draw(document(HOPS), {}, size))
      expect(head!.length).toBeLessThanOrEqual(columns)
      expect(keys).toMatch(/h help {2}q quit$/)
      const path = Array.from({ length: 12 }, (_, index) => `10.0.${index}.100`)
      const flow = { flow: 0, value: 4711, path, reached: true, sent: 1, received: 1, lossPercent: 0, rttMs: null }
      const shown = document(HOPS, { flows: [flow], branches: { flowsTried: 1, byTtl: [], complete: true } })
      const help = texts(draw(document(HOPS), { view: 'help' }, size))
      const flows = texts(draw(shown, { view: 'flows' }, size))
      for (const line of help) expect(line.length).toBeLessThanOrEqual(columns)
      expect(help.join(' ').replace(/ +/g, ' ')).toContain('NoAns: not answered there, while hops behind it answered')
      for (const address of path) expect(flows.join(' ').split(/ +/)).toContain(address)
      if (columns > 45) for (const line of flows) expect(line.length).toBeLessThanOrEqual(columns)
    }
  })

  test('sorts by loss and by time, the worst first', () => {
    const order = (sort: TraceScreenState['sort']): string[] =>
      texts(draw(document(HOPS), { sort }))
        .slice(3, 6)
        .map(line => line.slice(0, 4).trim())
    expect(order('ttl')).toEqual(['1.', '2.', '3.'])
    expect(order('loss')).toEqual(['3.', '1.', '2.'])
    expect(order('avg')).toEqual(['3.', '1.', '2.'])
  })

  test('marks what was lost in red and what was not answered in yellow, where colour is wanted', () => {
    const lines = draw(document(HOPS), {}, undefined, true)
    const [unanswered, lost] = [lines[3]!, lines[5]!]
    expect(unanswered.style).toBe('33')
    expect(lost.style).toBe('31')
    const [span] = lost.spans!
    expect(lost.text.slice(span!.from, span!.to)).toBe('×')
    for (const line of draw(document(HOPS))) expect(line.style).toBe('')
  })

  test('marks probes of a hop that lost some and left more unanswered as unanswered', () => {
    const both = { sent: 40, received: 14, notAnswering: 19, lossPercent: 17.5, recentMs: [1, null, null, 2] }
    const [, , , row] = texts(draw(document([hop(1, [responder('10.0.0.1', both)]), hop(2, [target()])])))
    expect(row).toContain('··')
    expect(row).not.toContain('×')
  })

  test('shows flows and what they see', () => {
    const path = ['10.0.0.1', null, '10.0.3.2']
    const flow = { path, reached: true, sent: 10, received: 10, lossPercent: 0, rttMs: target().rttMs }
    const flows = [
      { ...flow, flow: 0, value: 4711 },
      { ...flow, flow: 1, value: 4712, path: ['10.0.0.1', '10.0.1.9', '10.0.3.2'], lossPercent: 30, rttMs: null },
    ]
    const branches = { flowsTried: 2, byTtl: [{ ttl: 2, addresses: ['10.0.1.8', '10.0.1.9'] }], complete: false }
    expect(texts(draw(document(HOPS, { flows, branches }), { view: 'flows' })).slice(2, 6)).toEqual([
      ' Flow Chksum  Loss%   Snt   Avg  Path',
      '    0   4711     0%    10 0.200  10.0.0.1 * 10.0.3.2',
      '    1   4712    30%    10     -  10.0.0.1 10.0.1.9 10.0.3.2',
      'hop 2: 10.0.1.8, 10.0.1.9 (1)',
    ])
    expect(texts(draw(document(HOPS), { view: 'flows' }))[2]).toContain('--flows N')
  })

  test('lets nothing from the network reach the terminal as it is', () => {
    const name = HOSTILE
    const shown = document([hop(1, [responder('10.0.0.1', { name, place: HOSTILE })])], {
      target: HOSTILE,
      verdict: [HOSTILE],
    })
    const all = texts(draw(shown)).join('\n')
    expect(all).toContain(SHOWN_HOSTILE)
    expect(all).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
  })
})

describe('a sparkline', () => {
  test('has the longest time full, others in eighths of it, and the latest to the right', () => {
    expect(sparkline([1, 2, 3, 4, 5, 6, 7, 8], 20, '×')).toBe('▁▂▃▄▅▆▇█')
    expect(sparkline([8, 1, 8, 4], 2, '×')).toBe('█▄')
  })

  test('shows what was not answered as a mark of its own, and times of nothing as the least', () => {
    expect(sparkline([null, 1, null], 20, '×')).toBe('×█×')
    expect(sparkline([0, 0], 20, '×')).toBe('▁▁')
    expect(sparkline([null], 20, '·')).toBe('·')
    expect(sparkline([1, 2], 0, '·')).toBe('')
  })
})

test('time is in minutes and hours', () => {
  expect([0, 59_999, 61_000, 3_723_000].map(elapsedWords)).toEqual(['0:00', '0:59', '1:01', '1:02:03'])
})

describe('keys', () => {
  class FakeTerminal implements Terminal {
    written = ''
    key: (text: string) => void = () => undefined
    write(text: string): void {
      this.written += text
    }
    size(): { columns: number; rows: number } {
      return { columns: 120, rows: 24 }
    }
    onResize(): () => void {
      return () => undefined
    }
    onKeys(callback: (text: string) => void): () => void {
      this.key = callback
      return () => undefined
    }
    stop(): void {}
    take(): string {
      const text = this.written
      this.written = ''
      return text
    }
  }

  let live: TraceLive
  afterEach(() => live.close())

  function open() {
    const terminal = new FakeTerminal()
    const told: string[] = []
    live = new TraceLive(terminal, {
      frame: () => ({ document: document(HOPS), elapsedMs: 0, notes: [], color: false }),
      numeric: false,
      showAs: false,
      onPause: paused => told.push(paused ? 'pause' : 'resume'),
      onReset: () => told.push('reset'),
      onQuit: () => told.push('quit'),
    })
    live.open()
    terminal.take()
    return { terminal, told }
  }

  test('p and space pause and go on, r forgets, q and Ctrl-C quit', () => {
    const { terminal, told } = open()
    terminal.key('p')
    expect(terminal.take()).toContain('PAUSED')
    terminal.key(' ')
    terminal.key('r')
    terminal.key('q')
    terminal.key('\x03')
    expect(told).toEqual(['pause', 'resume', 'reset', 'quit', 'quit'])
  })

  test('d and c show other columns, n addresses, s another order, f flows, h and ? help and back', () => {
    const { terminal } = open()
    terminal.key('d')
    expect(terminal.take()).not.toContain('StDev')
    terminal.key('c')
    expect(terminal.take()).toContain('p50')
    terminal.key('n')
    expect(terminal.take()).not.toContain('gate')
    terminal.key('s')
    expect(terminal.take()).toContain('sort: loss')
    terminal.key('f')
    expect(terminal.take()).toContain('--flows N')
    terminal.key('?')
    expect(terminal.take()).toContain('this help')
    terminal.key('h')
    expect(terminal.take()).toContain('10.0.0.1')
  })

  test('what arrow keys send is no letter', () => {
    const { terminal, told } = open()
    terminal.key('\x1b[A\x1bOp\x1b[1;5R\x1b[3~')
    expect(told).toEqual([])
    expect(terminal.take()).toBe('')
  })

  test('nothing is written when nothing is new', () => {
    const { terminal } = open()
    live.redraw()
    expect(terminal.take()).toBe('')
  })
})
