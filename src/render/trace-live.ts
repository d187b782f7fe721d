// The live view of a trace on a screen, with its keys.

import { LiveScreen, type Terminal } from './live-screen.js'
import { COLUMN_SETS, drawTrace, SORTS, type TraceFrame, type TraceScreenState } from './trace-screen.js'

export interface TraceLiveOptions {
  /** What is known now. */
  frame(): TraceFrame
  readonly numeric: boolean
  readonly showAs: boolean
  onPause(paused: boolean): void
  onReset(): void
  /** `q` or Ctrl-C was typed: in raw mode the terminal sends no signal. */
  onQuit(): void
}

/** What arrow keys and the like send (ECMA-48 5.4, and SS3): letters in it are no keys. */
const SEQUENCES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|O.)/g

/** `open`, `redraw` when something is new, `close` before anything else is printed. */
export class TraceLive {
  private readonly options: TraceLiveOptions
  private readonly terminal: Terminal
  private readonly screen: LiveScreen
  private state: TraceScreenState

  constructor(terminal: Terminal, options: TraceLiveOptions) {
    this.options = options
    this.terminal = terminal
    this.screen = new LiveScreen(terminal)
    const { numeric, showAs } = options
    this.state = { columns: 0, sort: 'ttl', numeric, showAs, view: 'hops', paused: false }
  }

  open(): void {
    this.screen.open(
      keys => this.keys(keys),
      () => this.redraw(),
    )
    this.redraw()
  }

  redraw(): void {
    this.screen.draw(drawTrace(this.options.frame(), this.state, this.terminal.size()))
  }

  close(): void {
    this.screen.close()
  }

  private keys(text: string): void {
    for (const key of text.replace(SEQUENCES, '')) this.key(key)
    this.redraw()
  }

  private key(key: string): void {
    const { state, options } = this
    switch (key.toLowerCase()) {
      case 'q':
      case '\x03':
        options.onQuit()
        break
      case 'p':
      case ' ':
        this.state = { ...state, paused: !state.paused }
        options.onPause(!state.paused)
        break
      case 'r':
        options.onReset()
        break
      case 'd':
      case 'c':
        this.state = { ...state, columns: (state.columns + 1) % COLUMN_SETS.length }
        break
      case 'f':
        this.turn('flows')
        break
      case 'h':
      case '?':
        this.turn('help')
        break
      case 's':
        this.state = { ...state, sort: SORTS[(SORTS.indexOf(state.sort) + 1) % SORTS.length]! }
        break
      case 'n':
        this.state = { ...state, numeric: !state.numeric }
        break
    }
  }

  /** To this view, and from it back to the hops. */
  private turn(view: 'flows' | 'help'): void {
    this.state = { ...this.state, view: this.state.view === view ? 'hops' : view }
  }
}
