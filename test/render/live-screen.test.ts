// How a live screen takes and gives back a terminal that the test is: at Ctrl-Z and SIGCONT, at a hangup, and at the end.

import { afterEach, expect, test } from 'vitest'
import { LiveScreen, type Terminal } from '../../src/render/live-screen.js'

// xterm's alternate screen.
const ENTER = '\x1b[?1049h'
const LEAVE = '\x1b[?1049l'

class FakeTerminal implements Terminal {
  written = ''
  isRaw = false
  readonly stopped: string[] = []
  key: (text: string) => void = () => undefined
  write(text: string): void {
    this.written += text
  }
  size(): { columns: number; rows: number } {
    return { columns: 20, rows: 5 }
  }
  onResize(): () => void {
    return () => undefined
  }
  onKeys(callback: (text: string) => void): () => void {
    this.key = callback
    this.isRaw = true
    return () => {
      this.isRaw = false
    }
  }
  stop(who: string): void {
    this.stopped.push(who)
  }
  take(): string {
    const text = this.written
    this.written = ''
    return text
  }
}

let screen: LiveScreen
afterEach(() => screen.close())

function open() {
  const terminal = new FakeTerminal()
  const keys: string[] = []
  screen = new LiveScreen(terminal)
  const signals = (): number =>
    ['SIGHUP', 'SIGTSTP', 'SIGCONT'].reduce((sum, name) => sum + process.listenerCount(name), 0)
  const before = signals()
  screen.open(
    key => keys.push(key),
    () => undefined,
  )
  screen.draw([{ text: 'shown', style: '' }])
  return { terminal, keys, listeners: () => signals() - before }
}

test('Ctrl-Z gives the terminal back and stops everybody in the foreground, and draws nothing meanwhile', () => {
  const { terminal, keys } = open()
  expect(terminal.take()).toContain('shown')
  terminal.key('a\x1ab')
  expect(terminal.stopped).toEqual(['group'])
  expect(terminal.take()).toContain(LEAVE)
  expect(terminal.isRaw).toBe(false)
  expect(keys).toEqual(['ab'])
  screen.draw([{ text: 'later', style: '' }])
  expect(terminal.take()).toBe('')
})

test('SIGTSTP from elsewhere stops this program alone, without its listener', () => {
  const { terminal, listeners } = open()
  const before = listeners()
  process.emit('SIGTSTP')
  expect(terminal.stopped).toEqual(['self'])
  expect(listeners()).toBe(before - 1)
  expect(terminal.take()).toContain(LEAVE)
})

test('SIGCONT takes the terminal again and draws what was drawn last', () => {
  const { terminal, listeners } = open()
  const before = listeners()
  terminal.key('\x1a')
  screen.draw([{ text: 'later', style: '' }])
  terminal.take()
  process.emit('SIGCONT')
  const text = terminal.take()
  expect(text.startsWith(ENTER)).toBe(true)
  expect(text).toContain('later')
  expect(terminal.isRaw).toBe(true)
  expect(listeners()).toBe(before)
})

test('where nobody could continue it, the kernel does not stop it, and the screen comes back', async () => {
  const { terminal } = open()
  terminal.key('\x1a')
  terminal.take()
  await expect.poll(() => terminal.take(), { timeout: 10_000 }).toContain('shown')
  expect(terminal.isRaw).toBe(true)
})

test('a hangup gives the terminal back and ends the view as Ctrl-C does', () => {
  const { terminal, keys, listeners } = open()
  terminal.take()
  process.emit('SIGHUP')
  expect(terminal.take()).toContain(LEAVE)
  expect(terminal.isRaw).toBe(false)
  expect(keys).toEqual(['\x03'])
  expect(listeners()).toBe(0)
})

test('closed while suspended, it leaves the terminal alone', () => {
  const { terminal, listeners } = open()
  terminal.key('\x1a')
  terminal.take()
  screen.close()
  expect(terminal.take()).toBe('')
  expect(listeners()).toBe(0)
  process.emit('SIGCONT')
  expect(terminal.take()).toBe('')
})

test('a line as wide as the screen keeps its last cell: what was there before is erased first', () => {
  const { terminal } = open()
  terminal.take()
  screen.draw([{ text: '12345678901234567890', style: '' }])
  // xterm leaves the cursor on the last cell after it has been written (pending wrap): nothing may be erased from there.
  expect(terminal.take()).toMatch(/^\x1b\[1;1H\x1b\[K12345678901234567890$/)
})
