// A screen that is drawn again in place: the alternate screen of a terminal, lines that differ, keys, resize.

/** What the screen needs of a terminal. */
export interface Terminal {
  /** Writes the text before it returns, unless the terminal has been halted (Ctrl-S): it is called at exit too. */
  write(text: string): void
  /** Whether it has been, and has not taken yet what was written. */
  isBehind?(): boolean
  size(): { columns: number; rows: number }
  onResize(callback: () => void): () => void
  /** Calls back with what a key sends, without waiting for Enter and without echo. */
  onKeys(callback: (text: string) => void): () => void
  /** Stops this program by SIGTSTP, as if nobody caught it, or all programs that run in the foreground with it. */
  stop(who: 'self' | 'group'): void
}

/** One line: plain printable text, and the SGR parameters it is shown in (`31` is red), empty for none. */
export interface ScreenLine {
  text: string
  style: string
  /** Parts that are shown otherwise, in order and apart: from one UTF-16 unit up to another. */
  spans?: readonly StyledSpan[]
}

export interface StyledSpan {
  from: number
  to: number
  style: string
}

// DEC private modes (xterm ctlseqs): 1049 alternate screen with the cursor saved, 25 cursor, 7 wrapping at the right margin.
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J'
const LEAVE = '\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l'
const ERASE_TO_END_OF_LINE = '\x1b[K'
const ERASE_BELOW = '\x1b[J'

/** Long enough for the signal to have stopped us. */
const RESUME_MS = 50

/** In raw mode these are keys, and the terminal sends no signal. */
const CTRL_C = '\x03'
const CTRL_Z = '\x1a'

/** Shows lines from `open` to `close`. However the program ends, or is stopped, the terminal is given back as it was. */
export class LiveScreen {
  private readonly terminal: Terminal
  private readonly undo: (() => void)[] = []
  private shown: string[] = []
  private lines: readonly ScreenLine[] = []
  private isOpen = false
  private isSuspended = false
  private resumeTimer: ReturnType<typeof setTimeout> | undefined
  private onKey: (text: string) => void = () => undefined
  private onResize: () => void = () => undefined
  private readonly atExit = (): void => this.close()
  /** A hangup ends the view as Ctrl-C does: what is known may be wanted in a file. A second one kills. */
  private readonly atHangup = (): void => {
    try {
      this.close()
    } catch {
      // Of a terminal that is gone there is nothing to restore.
    }
    this.onKey(CTRL_C)
  }
  private readonly atStop = (): void => this.suspend('self')
  private readonly atContinue = (): void => this.resume()

  constructor(terminal: Terminal) {
    this.terminal = terminal
  }

  /**
   * Takes over the terminal.
   * @param onKey called with what each key sends
   * @param onResize called after a change of size, to draw what fits now
   */
  open(onKey: (text: string) => void, onResize: () => void): void {
    if (this.isOpen) return
    this.isOpen = true
    this.onKey = onKey
    this.onResize = onResize
    process.on('exit', this.atExit)
    process.on('SIGHUP', this.atHangup)
    process.on('SIGCONT', this.atContinue)
    this.enter()
  }

  private enter(): void {
    process.on('SIGTSTP', this.atStop)
    this.terminal.write(ENTER)
    this.undo.push(
      this.terminal.onKeys(keys => this.keys(keys)),
      this.terminal.onResize(() => {
        this.redraw()
        this.onResize()
      }),
    )
  }

  private leave(): void {
    process.off('SIGTSTP', this.atStop)
    // First what must happen even when undoing the rest fails.
    try {
      this.terminal.write(LEAVE)
    } finally {
      for (const undo of this.undo.splice(0)) undo()
    }
  }

  private keys(keys: string): void {
    const others = keys.replaceAll(CTRL_Z, '')
    if (others !== '') this.onKey(others)
    // What the terminal would do: stop everybody who runs in the foreground with us.
    if (others !== keys && this.isOpen) this.suspend('group')
  }

  /**
   * Stops this program with the terminal as it was before. By the signal's own action: the kernel leaves it out where nobody could
   * continue us, and the timer brings the screen back then.
   */
  private suspend(who: 'self' | 'group'): void {
    if (this.isSuspended) return
    this.isSuspended = true
    this.leave()
    this.terminal.stop(who)
    this.resumeTimer = setTimeout(() => this.resume(), RESUME_MS)
  }

  private resume(): void {
    clearTimeout(this.resumeTimer)
    if (!this.isOpen) return
    // Stopped by a signal that nobody can catch, the shell has taken the terminal over: it is set up again.
    if (!this.isSuspended) this.leave()
    this.isSuspended = false
    this.shown = []
    this.enter()
    this.draw(this.lines)
    this.onResize()
  }

  /** Lines that fit. */
  get rows(): number {
    return Math.max(this.terminal.size().rows, 1)
  }

  /** Shows these lines from the top; only what differs is sent. */
  draw(lines: readonly ScreenLine[]): void {
    if (!this.isOpen) return
    this.lines = lines
    // A terminal that is halted gets the picture of when it goes on.
    if (this.isSuspended || this.terminal.isBehind?.()) return
    const { columns, rows } = this.terminal.size()
    const next = lines.slice(0, rows).map(line => styled(line, columns))
    let text = ''
    for (const [index, line] of next.entries()) {
      // Erased before and not after: a line as wide as the screen leaves the cursor on its last cell.
      if (line !== this.shown[index]) text += `\x1b[${index + 1};1H${ERASE_TO_END_OF_LINE}${line}`
    }
    if (next.length < this.shown.length) text += `\x1b[${next.length + 1};1H${ERASE_BELOW}`
    this.shown = next
    if (text !== '') this.terminal.write(text)
  }

  /** Gives the terminal back. May be called more than once. */
  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    process.off('exit', this.atExit)
    process.off('SIGHUP', this.atHangup)
    process.off('SIGCONT', this.atContinue)
    clearTimeout(this.resumeTimer)
    if (!this.isSuspended) this.leave()
    this.isSuspended = false
  }

  /** After a change of size the terminal may have moved or cut lines: nothing that was shown can be relied on. */
  private redraw(): void {
    this.shown = []
    this.terminal.write('\x1b[2J')
    this.draw(this.lines)
  }
}

/** Cut by UTF-16 units, since wide characters only make it shorter than the screen would; the terminal cuts what is left over. */
function styled({ text, style, spans = [] }: ScreenLine, columns: number): string {
  const cut = text.length > columns ? text.slice(0, columns) : text
  let shown = ''
  let at = 0
  for (const span of spans) {
    shown += painted(cut.slice(at, span.from), style) + painted(cut.slice(span.from, span.to), span.style)
    at = span.to
  }
  return shown + painted(cut.slice(at), style)
}

const painted = (text: string, style: string): string =>
  style === '' || text === '' ? text : `\x1b[${style}m${text}\x1b[0m`
