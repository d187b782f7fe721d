// The terminal of this process, as a live screen uses it.

import type { Terminal } from '../render/live-screen.js'
import type { Output } from './output.js'
import { isTerminal } from './terminal.js'

/** Whether a screen can be drawn in place on stdout. */
export function isScreen(): boolean {
  return isTerminal(1) && process.env['TERM'] !== 'dumb'
}

/** A terminal that hangs up fails to be read; SIGHUP tells. */
const ignore = (): void => undefined

/** stdout, with keys from stdin where that is a terminal too. `out` is what the command prints to afterwards. */
export function processTerminal(out: Output): Terminal {
  const { stdin, stdout } = process
  return {
    write: text => {
      out.write(text)
      out.flush()
    },
    isBehind: () => out.isBehind,
    // A terminal without a size (a serial line) says 0.
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    onResize: callback => {
      stdout.on('resize', callback)
      return () => stdout.off('resize', callback)
    },
    onKeys: callback => {
      if (!isTerminal(0)) return () => undefined
      const listener = (bytes: Buffer): void => callback(bytes.toString('latin1'))
      stdin.setRawMode(true)
      stdin.on('data', listener)
      stdin.on('error', ignore)
      // Paused by an earlier listener, it would not begin again by itself.
      stdin.resume()
      stdin.ref()
      return () => {
        stdin.off('data', listener)
        // Of a terminal that has hung up there is nothing to restore.
        try {
          stdin.setRawMode(false)
        } catch {}
        stdin.pause()
        stdin.unref()
      }
    },
    stop: who => {
      process.kill(who === 'self' ? process.pid : 0, 'SIGTSTP')
    },
  }
}
