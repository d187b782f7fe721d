// The graph: drawn from samples and a size, what it remembers, and its keys on a terminal that the test is.

import { describe, expect, test } from 'vitest'
import type { ScreenLine, Terminal } from '../../src/render/live-screen.js'
import {
  drawGraph,
  GRAPH_MARKS,
  type GraphFrame,
  type GraphPoint,
  type GraphSeries,
} from '../../src/render/ping-graph.js'
import { axisLabel, niceCeiling, timeTicks } from '../../src/render/ping-graph-axis.js'
import { GraphHistory } from '../../src/render/ping-graph-history.js'
import { PingGraph } from '../../src/render/ping-graph-screen.js'
import { icmpError, reply, rtt, sent, statistics, target, timeout } from './ping-events.js'

const LOST: GraphPoint = { worstMs: null, lost: 1, failed: 0 }
const FAILED: GraphPoint = { worstMs: null, lost: 0, failed: 1 }
const NONE: GraphPoint = { worstMs: null, lost: 0, failed: 0 }
const at = (worstMs: number): GraphPoint => ({ worstMs, lost: 0, failed: 0 })

const series = (label: string, points: readonly GraphPoint[], fields: Partial<GraphSeries> = {}): GraphSeries => ({
  label,
  points,
  last: '0.500',
  avg: '0.500',
  p95: '0.900',
  loss: '0%',
  ...fields,
})

const frame = (all: readonly GraphSeries[], fields: Partial<GraphFrame> = {}): GraphFrame => ({
  status: 'status',
  series: all,
  more: 0,
  msPerColumn: 1000,
  color: false,
  ...fields,
})

const texts = (lines: readonly ScreenLine[]): string[] => lines.map(({ text }) => text)

describe('one target', () => {
  const points = [at(1), at(0.5), at(0.25), at(0.125), at(0.01), LOST, at(1), FAILED, NONE, at(0.75)]

  test('has a bar for each time, in eighths of a row; what was lost stands out', () => {
    expect(texts(drawGraph(frame([series('bee', points)]), { columns: 21, rows: 9 }))).toEqual([
      'status',
      '  1.00 ms ┤█    ┊█┊',
      '          ┤█    ┊█┊ █',
      '  0.50 ms ┤██   ┊█┊ █',
      '          ┤███▄▁┊█┊ █',
      '     lost ┤     × !',
      '          └─────────┴',
      '                  now',
      '█ bee  last 0.500  avg 0.500  p95 0.900 ms  loss 0%',
    ])
  })

  test('shows as many of the last samples as fit', () => {
    const long = [...Array.from({ length: 100 }, () => at(50)), ...Array.from({ length: 11 }, () => at(1))]
    const lines = texts(drawGraph(frame([series('bee', long)]), { columns: 21, rows: 9 }))
    // The times of 50 ms are beyond the left edge, and the scale is that of what is seen.
    expect(lines.slice(1, 5).map(line => line.slice(-10))).toEqual([
      '██████████',
      '██████████',
      '██████████',
      '██████████',
    ])
    expect(lines[1]).toMatch(/^ *1\.00 ms/)
  })
})

describe('several targets', () => {
  const near = series('near', [at(1), at(1), LOST, at(1), LOST, at(1)])
  const far = series('10.0.0.99', [at(9), at(9), at(9), LOST, LOST, at(1)], {
    last: '12.3',
    p95: '12.345',
    loss: '33.3%',
  })
  const lines = texts(drawGraph(frame([near, far]), { columns: 23, rows: 10 }))

  test('lie over one another, told apart by marks and a legend; a star where they meet', () => {
    expect(lines.slice(1, 5)).toEqual(['  10.0 ms ┤      ■■■', '          ┤', '   5.0 ms ┤', '          ┤      ●● ● *'])
    expect(lines.slice(-2)).toEqual([
      '● near       last 0.500  avg 0.500  p95  0.900 ms  loss    0%',
      '■ 10.0.0.99  last  12.3  avg 0.500  p95 12.345 ms  loss 33.3%',
    ])
  })

  test('have the mark of who lost a probe, or how many did', () => {
    expect(lines[5]).toBe('     lost ┤        ●■2')
  })

  test('that are not drawn are counted', () => {
    expect(texts(drawGraph(frame([near, far], { more: 3 }), { columns: 40, rows: 20 })).at(-1)).toBe(
      'and 3 more targets',
    )
  })

  test('have colours where they are wanted', () => {
    const colored = drawGraph(frame([near, far], { color: true }), { columns: 23, rows: 10 })
    const spans = colored.flatMap(line => line.spans ?? [])
    expect(new Set(spans.map(span => span.style))).toEqual(new Set(['36', '33', '1;31']))
    expect(texts(colored)).toEqual(lines)
    expect(drawGraph(frame([near, far]), { columns: 23, rows: 10 }).every(line => line.spans === undefined)).toBe(true)
  })
})

describe('any size', () => {
  test('is kept to, from nothing up', () => {
    const eight = GRAPH_MARKS.map(mark => series(mark, [at(1), LOST, at(3)]))
    for (const all of [[], eight.slice(0, 1), eight]) {
      for (let rows = 1; rows <= 40; rows++) {
        for (const columns of [1, 5, 18, 19, 80, 300]) {
          const lines = drawGraph(frame(all), { columns, rows })
          expect(lines.length).toBeLessThanOrEqual(rows)
          const plot = lines.filter(({ text }) => /[┤└]/.test(text))
          expect(plot.every(({ text }) => text.length <= columns)).toBe(true)
        }
      }
    }
  })

  test('without room for a plot still has the numbers', () => {
    expect(texts(drawGraph(frame([series('bee', [at(1)])]), { columns: 80, rows: 4 }))).toEqual([
      'status',
      '█ bee  last 0.500  avg 0.500  p95 0.900 ms  loss 0%',
    ])
  })
})

describe('axes', () => {
  test('end at a round time', () => {
    expect([0, 0.03, 0.05, 0.051, 1, 1.1, 99, 101].map(niceCeiling)).toEqual(
      [1, 0.05, 0.05, 0.1, 1, 2, 100, 200].map(value => expect.closeTo(value, 9)),
    )
    expect([axisLabel(0.025, 0.05), axisLabel(0.5, 1), axisLabel(5, 10), axisLabel(150, 200)]).toEqual([
      '0.025 ms',
      '0.50 ms',
      '5.0 ms',
      '150 ms',
    ])
  })

  test('name the time before now, in seconds, minutes and hours', () => {
    const { axis, times } = timeTicks(31, 1000)
    expect(axis).toBe('┴─────────┴─────────┴─────────┴')
    expect(times).toBe('       -20s      -10s       now')
    expect(timeTicks(31, 100).times).toBe('        -2s       -1s       now')
    expect(timeTicks(31, 60_000).times).toContain('-10m')
    expect(timeTicks(31, 600_000).times).toContain('-2h')
  })

  test('count columns where probes set their own pace', () => {
    expect(timeTicks(31, 0).times).toBe('        -20                 now')
  })
})

describe('what is remembered', () => {
  const bee = target('10.0.1.2')
  const dead = target('10.0.0.99', { index: 1 })

  test('is a column a probe, wherever its answer came from and whenever', () => {
    const history = new GraphHistory(2, 1000)
    for (const event of [
      reply(bee, 1, 0.5),
      timeout(dead, 1),
      reply(bee, 3, 0.7),
      timeout(bee, 2),
      icmpError(dead, 3, '10.0.0.1', 'x'),
    ]) {
      history.add(event)
    }
    expect(history.points(0, 10)).toEqual([at(0.5), LOST, at(0.7)])
    expect(history.points(1, 10)).toEqual([LOST, NONE, FAILED])
    expect([history.last(0), history.last(1)]).toEqual(['lost', 'error'])
    expect(history.points(0, 2)).toEqual([LOST, at(0.7)])
  })

  test('is the worst of several probes that share a column', () => {
    const history = new GraphHistory(1, 10)
    expect(history.msPerColumn).toBe(100)
    for (let sequence = 1; sequence <= 20; sequence++) history.add(reply(bee, sequence, sequence % 10))
    history.add(timeout(bee, 15))
    expect(history.points(0, 10)).toEqual([at(9), { worstMs: 9, lost: 1, failed: 0 }])
  })

  test('leaves out answers that are in no statistics', () => {
    const history = new GraphHistory(1, 1000)
    history.add(reply(bee, 1, 5, { event: 'duplicate' }))
    history.add(reply(bee, 1, 5, { event: 'late' }))
    history.add(reply(bee, 1, 5, { corruptedBytes: 1 }))
    history.add(sent(bee, 2))
    expect(history.points(0, 10)).toEqual([NONE, NONE])
  })

  test('does not grow, and what is long gone does not come back', () => {
    const history = new GraphHistory(1, 1000)
    for (let sequence = 1; sequence <= 100_000; sequence++) history.add(reply(bee, sequence, 1))
    history.add(timeout(bee, 5))
    expect(history.points(0, 1_000_000)).toEqual(Array.from({ length: 1024 }, () => at(1)))
  })
})

describe('on a terminal', () => {
  class FakeTerminal implements Terminal {
    written = ''
    columns = 60
    rows = 12
    key: (text: string) => void = () => undefined
    resize: () => void = () => undefined
    write(text: string): void {
      this.written += text
    }
    size(): { columns: number; rows: number } {
      return { columns: this.columns, rows: this.rows }
    }
    onResize(callback: () => void): () => void {
      this.resize = callback
      return () => undefined
    }
    onKeys(callback: (text: string) => void): () => void {
      this.key = callback
      return () => undefined
    }
    stop(): void {}
    /** What was written since the last time. */
    take(): string {
      const text = this.written
      this.written = ''
      return text
    }
  }

  function open(targets = [target('10.0.1.2')]) {
    const terminal = new FakeTerminal()
    let quits = 0
    const graph = new PingGraph(terminal, {
      targets,
      intervalMs: 1000,
      color: false,
      statisticsOf: () => statistics({ rttMs: rtt(0.1, 0.2, 0.3, 0.1), lossPercent: 0 }),
      onQuit: () => quits++,
    })
    graph.open()
    return { terminal, graph, targets, quits: () => quits }
  }

  test('draws what is new, and gives the terminal back', () => {
    const { terminal, graph, targets } = open()
    expect(terminal.take()).toContain('netkit ping 10.0.1.2, every 1 s  q quits  p pauses')
    graph.event(reply(targets[0]!, 1, 0.3))
    graph.redraw()
    expect(terminal.take()).toContain('last 0.300')
    graph.close()
    expect(terminal.take()).toContain('\x1b[?1049l')
  })

  test('q and Ctrl-C quit', () => {
    const { terminal, graph, quits } = open()
    terminal.key('q')
    terminal.key('\x03')
    expect(quits()).toBe(2)
    graph.close()
  })

  test('p holds the picture, in any size, until p', () => {
    const { terminal, graph, targets } = open()
    graph.event(reply(targets[0]!, 1, 0.3))
    terminal.key('p')
    expect(terminal.take()).toContain('PAUSED')
    graph.event(reply(targets[0]!, 2, 0.7))
    graph.redraw()
    expect(terminal.take()).toBe('')
    terminal.columns = 100
    terminal.resize()
    const resized = terminal.take()
    expect(resized).toContain('last 0.300')
    expect(resized).not.toContain('last 0.700')
    terminal.key('p')
    expect(terminal.take()).toContain('last 0.700')
    graph.close()
  })

  test('more targets than marks are counted, not drawn', () => {
    const many = Array.from({ length: 11 }, (_, index) => target(`10.0.0.${index + 1}`, { index }))
    const { terminal, graph } = open(many)
    terminal.rows = 40
    for (const each of many) graph.event(reply(each, 1, 0.5))
    terminal.resize()
    expect(terminal.take()).toContain('and 3 more targets')
    graph.close()
  })
})
