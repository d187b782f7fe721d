import { describe, expect, test } from 'vitest'
import type { PacketStep } from '../flow/track-steps.js'
import { HANDSHAKE } from '../flow/track-steps.js'
import { stepPage } from './decode-page.js'
import { faultsOf, type PageElement, readPage } from './page-check.js'

/** A sends 300 bytes in three segments; the second one is lost, acknowledged around, and sent again. */
const LOSS: PacketStep[] = [
  ...HANDSHAKE,
  { is: 'a>PA', seq: 0, ack: 1, bytes: 100 },
  { is: 'a>PA', seq: 100, ack: 1, bytes: 100 },
  { is: 'a>PA', seq: 200, ack: 1, bytes: 100 },
  { is: 'b>A', seq: 1, ack: 100 },
  { is: 'b>A', seq: 1, ack: 100 },
  { is: 'b>A', seq: 1, ack: 100 },
  { is: 'a>PA', seq: 100, ack: 1, bytes: 100, atMs: 400 },
  { is: 'b>A', seq: 1, ack: 300, window: 50 },
  { is: 'a>FA', seq: 300, ack: 1, atMs: 2000 },
  { is: 'b>RA', seq: 1, ack: 301 },
]

const PORTS = (a: number): { a: number; b: number } => ({ a, b: 80 })

function checked(page: string): PageElement[] {
  const elements = readPage(page)
  expect(faultsOf(elements)).toEqual([])
  return elements
}

const byClass = (elements: readonly PageElement[], name: string): PageElement[] =>
  elements.filter(({ attributes }) => attributes['class'] === name)

describe('the checker of pages', () => {
  test.each([
    ['<p>one', 'not closed'],
    ['<p>one</b></p>', 'closes something else'],
    ['<p>a & b</p>', 'bare ampersand'],
    ['<p id=one>x</p>', 'not a tag'],
    ['<p id="one" id="two">x</p>', 'there twice'],
    ['<p>1 < 2</p>', 'not a tag'],
  ])('refuses %s', (body, why) => {
    expect(() => readPage(`<!DOCTYPE html>\n${body}`)).toThrow(why)
  })

  test.each([
    '<script>x</script>',
    '<p onclick="x">y</p>',
    '<a href="http://example.net/">y</a>',
    '<a href="#nowhere">y</a>',
    '<style>@import x</style>',
    '<img src="x"/>',
    '<b id="x">y</b><b id="x">y</b>',
  ])('finds fault with %s', body => {
    expect(faultsOf(readPage(`<!DOCTYPE html>\n${body}`))).not.toEqual([])
  })
})

describe('a page', () => {
  test('is well-formed, and needs nothing but itself', () => {
    const elements = checked(stepPage(LOSS))
    const policy = elements.find(({ attributes }) => attributes['http-equiv'] === 'Content-Security-Policy')
    expect(policy?.attributes['content']).toMatch(/^default-src 'none'; style-src 'unsafe-inline';/)
    expect(elements.find(({ name }) => name === 'style')?.text).toContain('prefers-color-scheme: dark')
  })

  test('has a row for each flow that leads to its picture and back', () => {
    const elements = checked(stepPage(LOSS))
    expect(elements.filter(({ name }) => name === 'a').map(({ attributes }) => attributes['href'])).toEqual([
      '#flow-1',
      '#flow-1',
      '#flows',
    ])
    expect(elements.find(({ attributes }) => attributes['id'] === 'flow-1')?.name).toBe('section')
  })

  test('draws data, what was sent again, acknowledgments, and the reset', () => {
    const elements = checked(stepPage(LOSS))
    const titles = elements.filter(({ name }) => name === 'title').map(({ text }) => text)
    expect(titles).toContain('frame 10: 101 to 201 sent again (rto)')
    expect(titles).toContain('frame 13: reset from the other end')
    for (const kind of ['p-d', 'p-a', 'p-w', 'p-u', 'p-r', 'p-x'])
      expect(byClass(elements, kind).length).toBeGreaterThan(0)
  })

  test('draws a graph for the direction that carried data only', () => {
    const figures = checked(stepPage(LOSS)).filter(({ name }) => name === 'figcaption')
    expect(figures.map(({ text }) => text)).toEqual(['client to server, 400 bytes'])
  })

  test('has a ladder with the numbers of the packets, their labels and their times', () => {
    const elements = checked(stepPage(LOSS))
    const rows = elements.filter(({ name }) => name === 'tr').map(({ text }) => text)
    expect(rows).toContain('10.000000SYN seq 0 win 1,000')
    expect(rows).toContain('30.020000+10.0msACK seq 1 ack 1 win 1,000handshake-ack')
    expect(rows).toContain('90.080000+10.0msACK seq 1 ack 101 win 1,000dup-ack #2')
    expect(rows).toContain('100.400000+320msPSH-ACK seq 101 ack 1 len 100 win 1,000retransmission (rto)')
    expect(rows).toContain('1.59s later')
  })

  test('shows what comes from a capture as text', () => {
    const hostile = `<script>alert("1")<b>&amp;'\u001b[2J\u202e`
    const page = stepPage(LOSS, {
      file: hostile,
      warnings: [hostile],
      findings: [{ rule: hostile, severity: 'error', flow: 1, flows: 1, frames: [1], sentence: hostile, numbers: {} }],
      change: flow => {
        const client = { ...flow.client, address: hostile }
        return flow.protocol === 'udp'
          ? flow
          : { ...flow, client, encapsulation: [hostile], evidence: [{ text: hostile, frames: [4] }] }
      },
    })
    const elements = checked(page)
    expect(page).not.toContain('<script')
    expect(page).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
    const shown = `<script>alert("1")<b>&amp;'\\x1b[2J\\u{202e}`
    const places = elements.filter(
      ({ name, text }) => ['h1', 'title', 'dd', 'li', 'td', 'h3'].includes(name) && text.includes(shown),
    )
    expect(new Set(places.map(({ name }) => name))).toEqual(new Set(['title', 'h1', 'dd', 'li', 'td', 'h3']))
  })

  const port = (at: number): PacketStep[] => [
    { is: 'a>S', seq: 5, ports: PORTS(2000 + at) },
    { is: 'b>RA', seq: 0, ack: 6, ports: PORTS(2000 + at) },
  ]
  const linksOf = (elements: readonly PageElement[]): (string | undefined)[] =>
    elements.filter(({ name }) => name === 'section').map(({ attributes }) => attributes['id'])

  test('draws few of the flows that look alike, those of another kind all the same, and says how many it leaves out', () => {
    const scan = Array.from({ length: 60 }, (_, at) => port(at)).flat()
    const elements = checked(stepPage([...LOSS, ...scan]))
    expect(linksOf(elements)).toHaveLength(7)
    expect(linksOf(elements)).toContain('flow-1')
    expect(elements.some(({ name, text }) => name === 'p' && text.startsWith('7 flows are drawn'))).toBe(true)
    expect(elements.some(({ name, text }) => name === 'p' && text.includes('54 are left out'))).toBe(true)
  })

  test('draws 24 flows at the most', () => {
    const many = Array.from({ length: 40 }, (_, at) => LOSS.map(step => ({ ...step, ports: PORTS(2000 + at) }))).flat()
    expect(linksOf(checked(stepPage(many)))).toHaveLength(24)
  })

  test('has the flow that a finding names, however many others come before it', () => {
    const steps = [...LOSS.slice(0, 9), ...Array.from({ length: 1500 }, (_, at) => port(at)).flat()]
    const page = stepPage(steps, {
      findings: [{ rule: 'r', severity: 'note', flow: 1, flows: 1, frames: [1], sentence: 'why', numbers: {} }],
    })
    const elements = checked(page)
    expect(linksOf(elements)).toContain('flow-1')
    expect(elements.filter(({ name, text }) => name === 'a' && text === 'flow 1')).toHaveLength(1)
    // A thousand rows in order, the other kind, and the first twelve of the kind that is cut.
    expect(elements.some(({ name, text }) => name === 'p' && text === '488 more flows are not in this page.')).toBe(
      true,
    )
  })

  test('of a long flow is bounded; labels stay', () => {
    const steps: PacketStep[] = [...HANDSHAKE]
    for (let at = 0; at < 20_000; at++) steps.push({ is: 'a>A', seq: at * 100, ack: 1, bytes: 100, window: 1000 })
    steps.push({ is: 'a>A', seq: 0, ack: 1, bytes: 100, atMs: 300_000 })
    const page = stepPage(steps)
    const elements = checked(page)
    expect(page.length).toBeLessThan(120_000)
    expect(elements.filter(({ name }) => name === 'tr').length).toBeLessThan(140)
    expect(elements.some(({ name, text }) => name === 'title' && text.startsWith('frame 20004:'))).toBe(true)
    // Every packet is a row, or counted in a row that says how many are left out.
    const rows = elements.filter(({ name }) => name === 'tr').map(({ text }) => text)
    const skipped = rows.map(text =>
      Number(/^([\d,]+) more packets? not drawn here$/.exec(text)?.[1]?.replaceAll(',', '') ?? 0),
    )
    const packets = rows.filter(text => text.includes(' win ')).length
    expect(packets + skipped.reduce((sum, count) => sum + count, 0)).toBe(20_004)
  })

  test('of a capture without TCP and UDP says so', () => {
    expect(checked(stepPage([])).some(({ text }) => text === 'No TCP or UDP in this capture.')).toBe(true)
  })

  test('counts windows without their scale when the handshake is not there, and says so', () => {
    const elements = checked(stepPage(LOSS.slice(3)))
    expect(byClass(elements, 'p-w')).toEqual([])
    expect(elements.some(({ name, text }) => name === 'caption' && text.includes('scale is not known'))).toBe(true)
  })

  test('draws a flow whose numbers pass 2^32 without a step', () => {
    const steps = LOSS.map(step => ({
      ...step,
      seq: step.is.startsWith('a') ? step.seq - 150 : step.seq,
      ...(step.is.startsWith('b') && step.ack !== undefined ? { ack: step.ack - 150 } : {}),
    }))
    const [here, there] = [checked(stepPage(steps)), checked(stepPage(LOSS))]
    const paths = (elements: PageElement[]): unknown[] =>
      elements.filter(({ name }) => name === 'path').map(({ attributes }) => attributes['d'])
    expect(paths(here)).toEqual(paths(there))
  })
})
