// The views of --watch: a screen drawn in place, lines of differences, NDJSON events.

import { writeWord } from '../../bytes/text-sink.js'
import type { Session } from '../../compose/session.js'
import { LiveScreen, type ScreenLine } from '../../render/live-screen.js'
import { socketJson } from '../../render/socket-json.js'
import { SocketLines } from '../../render/socket-lines.js'
import type { TableOptions } from '../../render/socket-table.js'
import {
  type Change,
  type Difference,
  formatChanges,
  formatRates,
  type Look,
  type Snapshot,
} from '../../sockets/diff.js'
import type { HeldRows } from '../../sockets/held-rows.js'
import type { SocketLookups } from '../../sockets/lookups.js'
import type { Holder } from '../../sockets/model.js'
import { SocketRecord } from '../../sockets/record.js'
import type { Console } from '../console.js'
import { isScreen, processTerminal } from '../live-terminal.js'
import type { Interruption } from './modes.js'
import type { SocketRequest } from './request.js'
import type { SocketFlags } from './run.js'
import { tableOptions } from './view.js'

/** One look at the sockets, ready to be shown. */
export interface Tick {
  time: Date
  /** Null at the first look. */
  before: Snapshot | null
  after: Snapshot
  difference: Difference
  /** Sockets that were destroyed without ever having been seen. */
  brief: HeldRows
}

export interface WatchView {
  /** True while a screen is drawn, which text from elsewhere would spoil. */
  readonly ownsTerminal: boolean
  show(tick: Tick): void
  /** Gives the terminal back; called once, however the watching ends. */
  close(): void
}

export interface WatchContext {
  flags: SocketFlags
  request: SocketRequest
  session: Session
  io: Console
  interruption: Interruption
  seconds: number
}

export function makeWatchView(context: WatchContext): WatchView {
  if (context.io.format === 'ndjson') return new EventView(context)
  return isScreen() ? new ScreenView(context) : new AppendView(context)
}

type Mark = ' ' | '+' | '-' | '~'
type EventName = 'present' | 'opened' | 'closed' | 'changed'
const MARKS: Readonly<Record<EventName, Mark>> = { present: ' ', opened: '+', closed: '-', changed: '~' }
/** SGR: green, red, yellow. */
const STYLES: Readonly<Record<Mark, string>> = { ' ': '', '+': '32', '-': '31', '~': '33' }
const BOLD = '1'
const REVERSE = '7'

interface SocketEvent {
  name: EventName
  changes: readonly Change[]
  look: Look | null
}

/** Hands out what a tick has to tell: the sockets of the listing that `wanted` chooses, then those that are gone. */
function visitTick(
  { before, after, difference, brief }: Tick,
  wanted: (row: number) => boolean,
  visit: (record: SocketRecord, event: SocketEvent) => void,
): void {
  const record = new SocketRecord()
  after.visit(record, (current, look) => {
    if (!wanted(look.row)) return
    const changes = difference.changed.get(look.row)
    const name = difference.opened.has(look.row) ? 'opened' : changes ? 'changed' : 'present'
    visit(current, { name, changes: changes ?? [], look })
  })
  if (difference.closed.size > 0) {
    before?.visit(record, (current, look) => {
      if (difference.closed.has(look.row)) visit(current, { name: 'closed', changes: [], look })
    })
  }
  brief.visit(record, current => visit(current, { name: 'closed', changes: [], look: null }))
}

const isMarked = ({ difference }: Tick, row: number): boolean =>
  difference.opened.has(row) || difference.changed.has(row)

/** The table of a listing with what happened to a socket among its last words, and with the holders it had when it was seen. */
class EventRows {
  private holders: readonly Holder[] | null = null
  private words = ''
  readonly options: TableOptions
  readonly lookups: SocketLookups

  constructor({ flags, request, session }: WatchContext) {
    const options = tableOptions(flags, request, session)
    this.lookups = { ...session.lookups, holders: () => this.holders }
    this.options = {
      ...options,
      // Which state a socket is in is what changes.
      state: true,
      extras: (record, sink) => {
        writeWord(this.words, sink)
        options.extras?.(record, sink)
      },
    }
  }

  /** To be called before a socket is shown. */
  prepare({ name, changes, look }: SocketEvent, tick: Tick): void {
    this.holders = look?.holders ?? null
    const rates = look === null || name === 'closed' ? undefined : tick.difference.rates.get(look.row)
    const words = [formatChanges(changes), rates === undefined ? '' : formatRates(rates), look === null ? BRIEF : '']
    this.words = words.filter(word => word !== '').join(' ')
  }
}

const BRIEF = 'gone before it was seen'

/** For a pipe or a file: the list, and from then on what happens. */
class AppendView implements WatchView {
  readonly ownsTerminal = false
  private readonly io: Console
  private readonly rows: EventRows
  private readonly lines: SocketLines<string>

  constructor(context: WatchContext) {
    this.io = context.io
    this.rows = new EventRows(context)
    const heading = 'Time'.padEnd(clock(new Date()).length + 3)
    this.lines = new SocketLines(this.rows.options, this.rows.lookups, (text, prefix) =>
      this.io.out.line((prefix ?? heading) + text),
    )
  }

  show(tick: Tick): void {
    const first = tick.before === null
    if (first) this.lines.header()
    const time = clock(tick.time)
    visitTick(
      tick,
      row => first || isMarked(tick, row),
      (record, event) => {
        this.rows.prepare(event, tick)
        this.lines.row(record, `${time} ${first ? ' ' : MARKS[event.name]} `)
      },
    )
    this.lines.flush()
    this.io.out.flush()
  }

  close(): void {}
}

class EventView implements WatchView {
  readonly ownsTerminal = false
  private readonly io: Console
  private readonly rows: EventRows

  constructor(context: WatchContext) {
    this.io = context.io
    this.rows = new EventRows(context)
  }

  show(tick: Tick): void {
    const first = tick.before === null
    const time = JSON.stringify(tick.time)
    visitTick(
      tick,
      row => first || isMarked(tick, row),
      (record, event) => {
        this.rows.prepare(event, tick)
        const { look, name, changes } = event
        const rates = look === null || name !== 'changed' ? null : (tick.difference.rates.get(look.row) ?? null)
        const head = `{"event":"${first ? 'present' : name}","time":${time},"changes":${JSON.stringify(changes)}`
        const socket = socketJson(record, this.rows.lookups)
        this.io.out.line(`${head},"rates":${JSON.stringify(rates)},"socket":${socket}}`)
      },
    )
    this.io.out.flush()
  }

  close(): void {}
}

class ScreenView implements WatchView {
  readonly ownsTerminal = true
  private readonly context: WatchContext
  private readonly rows: EventRows
  private readonly screen: LiveScreen
  private last: Tick | null = null

  constructor(context: WatchContext) {
    this.context = context
    this.rows = new EventRows(context)
    this.screen = new LiveScreen(processTerminal(context.io.out))
    const { interruption } = context
    // At once: a second Ctrl-C kills the program while it waits for the kernel.
    interruption.onInterrupt(() => this.close())
  }

  show(tick: Tick): void {
    const { interruption } = this.context
    if (interruption.happened) return
    this.screen.open(
      // In raw mode Ctrl-C is a key.
      keys => {
        if (/[qQ\x03]/.test(keys)) interruption.interrupt()
      },
      () => {
        if (this.last !== null) this.render(this.last)
      },
    )
    this.last = tick
    this.render(tick)
  }

  close(): void {
    this.screen.close()
  }

  private render(tick: Tick): void {
    const { options } = this.rows
    const room = this.screen.rows - (options.header ? 2 : 1)
    const total = tick.after.looks.length + tick.difference.closed.size + tick.brief.count
    const chosen = total <= room ? null : choose(tick, room)
    const lines: ScreenLine[] = []
    const color = this.context.io.color
    const table = new SocketLines<Mark>(options, this.rows.lookups, (text, mark) => {
      lines.push({ text: `${mark ?? ' '} ${text}`, style: !color ? '' : mark === null ? BOLD : STYLES[mark] })
    })
    table.header()
    let shown = 0
    visitTick(
      tick,
      row => chosen === null || chosen.has(row),
      (record, event) => {
        if (shown >= room) return
        shown++
        this.rows.prepare(event, tick)
        table.row(record, MARKS[event.name])
      },
    )
    table.flush()
    const status = statusLine(tick, this.context.seconds, shown < total ? `, ${shown} of ${total} shown` : '')
    this.screen.draw([{ text: status, style: color ? REVERSE : '' }, ...lines])
  }
}

/** Rows of the listing for a screen that cannot hold all: first those that something happened to. */
function choose(tick: Tick, room: number): Set<number> {
  const chosen = new Set<number>()
  const left = room - Math.min(tick.difference.closed.size + tick.brief.count, room >> 1)
  const fill = (wanted: (row: number) => boolean): void => {
    for (let row = 0; row < tick.after.looks.length && chosen.size < left; row++) if (wanted(row)) chosen.add(row)
  }
  fill(row => isMarked(tick, row))
  fill(() => true)
  return chosen
}

function statusLine({ time, before, after, difference, brief }: Tick, seconds: number, shown: string): string {
  const states = [...after.states].sort((a, b) => b[1] - a[1]).map(([state, count]) => `${count} ${state}`)
  const closed = difference.closed.size + brief.count
  const events = `+${difference.opened.size} opened -${closed} closed ~${difference.changed.size} changed`
  const parts = [
    `${clock(time)} every ${seconds} s`,
    ...(before === null ? [] : [events]),
    `${after.looks.length} sockets${shown}${states.length > 0 ? `: ${states.join(', ')}` : ''}`,
    'q quits',
  ]
  return parts.join('  ')
}

/** `12:34:56.789`, local time. */
export function clock(time: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  const ms = String(time.getMilliseconds()).padStart(3, '0')
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`
}
