// What --watch, --events and --kill share: flags that do not go together, and a wait that Ctrl-C ends.

import type { Session } from '../../compose/session.js'
import { UsageError } from '../../errors/index.js'
import type { EventTarget } from '../../sockets/events.js'
import { FILTER_KEYWORDS } from '../../sockets/filter/index.js'
import type { Console } from '../console.js'
import { exitIfClosed } from '../output.js'
import { printNotes } from './notes.js'
import type { SocketFlags } from './run.js'

/** @throws UsageError when one of `others` was given together with the flag `mode` */
export function refuseTogether(flags: SocketFlags, mode: string, others: readonly (keyof SocketFlags)[]): void {
  for (const other of others) {
    const value = flags[other]
    if (value === undefined || value === false) continue
    throw new UsageError(`--${mode} and --${other} do not go together`, { hints: ['leave one of them out'] })
  }
}

/** @throws UsageError under --json: what comes over time is no single document */
export function refuseDocument(io: Console, mode: string): void {
  if (io.format !== 'json') return
  throw new UsageError(`--${mode} never ends, so it prints no JSON document: use --ndjson, one object a line`)
}

/** Namespaces whose destroy events can be listened to; the others are said. */
export function eventTargets(session: Session, notes: Notes): EventTarget[] {
  const targets: EventTarget[] = []
  for (const [netns, { fd, label }] of session.targets.entries()) {
    if (fd !== null) targets.push({ netns, fd })
    else notes.add([`no destroy events from network namespace ${label}: it may be read through procfs only`])
  }
  return targets
}

/** Notes for stderr, each printed once. */
export class Notes {
  private readonly io: Console
  private readonly printed = new Set<string>()
  private waiting: string[] = []

  constructor(io: Console, notes: readonly string[]) {
    this.io = io
    this.add(notes)
  }

  add(notes: readonly string[]): void {
    for (const note of notes) {
      if (this.printed.has(note)) continue
      this.printed.add(note)
      this.waiting.push(note)
    }
  }

  print(): void {
    printNotes(this.io, this.waiting.splice(0))
    this.io.err.flush()
  }
}

/** How often an idle program looks whether somebody still reads it. */
const READER_MS = 250

/** Ctrl-C or SIGTERM, as something to wait for. Meanwhile a pipe that is closed behind stdout ends the program. */
export class Interruption {
  private readonly release: () => void
  private readonly reader: NodeJS.Timeout
  private readonly callbacks = new Set<() => void>()
  private failure: { error: unknown } | null = null
  happened = false

  constructor(io: Console) {
    this.release = io.onInterrupt(() => this.interrupt())
    // A write would tell, but nothing may happen for hours.
    this.reader = setInterval(exitIfClosed, READER_MS).unref()
  }

  /** Ends all waiting, as Ctrl-C does. */
  interrupt(): void {
    this.happened = true
    for (const callback of [...this.callbacks]) callback()
  }

  /** Ends all waiting because of an error in a callback, where nobody can catch it; the first one counts. */
  fail(error: unknown): void {
    this.failure ??= { error }
    this.interrupt()
  }

  /** @throws what `fail` was given */
  rethrow(): void {
    if (this.failure !== null) throw this.failure.error
  }

  /** Called at once when it happens. */
  onInterrupt(callback: () => void): void {
    this.callbacks.add(callback)
  }

  /** Resolves after `ms`, or earlier when interrupted. */
  wait(ms: number): Promise<void> {
    if (this.happened) return Promise.resolve()
    return new Promise(resolve => {
      const done = (): void => {
        clearTimeout(timer)
        this.callbacks.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.callbacks.add(done)
    })
  }

  close(): void {
    this.release()
    clearInterval(this.reader)
    this.callbacks.clear()
  }
}

const STATE_WORD = /^(state|excl(ude)?)$/
const OPERATOR = /^[(!]/

/** A negative number, and no bundle of the flags that are digits. */
const NEGATIVE = /^-(?![046]+[a-zA-Z]*$)[\d.]/

/** `--watch` may stand without a number, which oclif's flags cannot: two seconds then. Anything else after it is its value. */
export function withWatchInterval(argv: readonly string[]): string[] {
  return argv.flatMap((word, at) => {
    // Taken by the word before it.
    if (argv[at - 1] === '--watch' && NEGATIVE.test(word)) return []
    if (word !== '--watch') return [word]
    const next = argv[at + 1]
    if (next !== undefined && NEGATIVE.test(next)) return [`--watch=${next}`]
    const bare =
      next === undefined ||
      next.startsWith('-') ||
      STATE_WORD.test(next) ||
      OPERATOR.test(next) ||
      FILTER_KEYWORDS.includes(next.toLowerCase())
    return bare ? ['--watch', '2'] : [word]
  })
}
