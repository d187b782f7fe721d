// A real terminal for tests: tmux without its user's settings, what it shows, and what is typed into it.

import { inNetns } from '../../lab/index.js'

const POLL_MS = 100

export interface Terminal {
  /** The lines that are shown now, without blanks at their ends. */
  screen(): Promise<string[]>
  /** Waits until what is shown satisfies `until`; fails with what is shown instead. */
  waitFor(what: string, until: (lines: string[]) => boolean, limitMs?: number): Promise<string[]>
  /** Types keys in tmux' words: `p`, `C-c`, `Space`. */
  type(...keys: string[]): Promise<void>
  resize(columns: number, rows: number): Promise<void>
  /** A variable of tmux: `alternate_on`, `cursor_flag`. */
  state(name: string): Promise<string>
}

let counter = 0

/** Opens a terminal in a namespace that runs a shell line, and closes it after `fn`. */
export async function withTerminal<T>(
  ns: string,
  line: string,
  [columns, rows]: readonly [number, number],
  fn: (terminal: Terminal) => Promise<T>,
): Promise<T> {
  const socket = `nk-${process.pid}-${counter++}`
  const tmux = async (...args: string[]): Promise<string> => {
    const { stdout, stderr, code } = await inNetns(ns, ['tmux', '-L', socket, '-f', '/dev/null', ...args], {
      env: { ...process.env, TERM: 'xterm-256color', TMUX: '' },
    })
    if (code !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr}`)
    return stdout
  }
  const screen = async () => {
    const lines = (await tmux('capture-pane', '-p')).split('\n').map(text => text.trimEnd())
    while (lines.at(-1) === '') lines.pop()
    return lines
  }
  await tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), line)
  try {
    return await fn({
      screen,
      waitFor: async (what, until, limitMs = 15_000) => {
        const end = Date.now() + limitMs
        for (;;) {
          const lines = await screen()
          if (until(lines)) return lines
          if (Date.now() > end) throw new Error(`${what} was not to be seen:\n${lines.join('\n')}`)
          await new Promise(resolve => setTimeout(resolve, POLL_MS))
        }
      },
      type: async (...keys) => {
        await tmux('send-keys', ...keys)
      },
      resize: async (width, height) => {
        await tmux('resize-window', '-x', String(width), '-y', String(height))
      },
      state: async name => (await tmux('display-message', '-p', `#{${name}}`)).trim(),
    })
  } finally {
    // The session may have ended by itself, and the server with it.
    await tmux('kill-server').catch(() => undefined)
  }
}
