// Ctrl-C and SIGTERM: who wants to hear of them, and the system's own answer to them when nobody does any more.

/** Signals that end a program. */
export type Interrupt = 'SIGINT' | 'SIGTERM'

type Callback = (signal: Interrupt) => void

const callbacks = new Set<Callback>()
let isInstalled = false

/**
 * Calls `callback` at the first of them; a second one kills the program, as any does that nobody listens to.
 * @returns a function that takes the callback away again
 */
export function onInterrupt(callback: Callback): () => void {
  // One of its own: the same function may be given twice.
  const own: Callback = signal => callback(signal)
  callbacks.add(own)
  install()
  return () => callbacks.delete(own)
}

/**
 * Whether signals wait for the event loop. They do so from the first `onInterrupt` until one comes: a signal that libuv has caught and
 * not told of yet is lost with its listener, so no listener is taken away before.
 */
export const isListening = (): boolean => isInstalled

function install(): void {
  if (isInstalled) return
  isInstalled = true
  process.on('SIGINT', hear)
  process.on('SIGTERM', hear)
}

function hear(signal: NodeJS.Signals): void {
  isInstalled = false
  process.off('SIGINT', hear)
  process.off('SIGTERM', hear)
  const told = [...callbacks]
  callbacks.clear()
  for (const callback of told) callback(signal as Interrupt)
  if (told.length === 0) process.kill(process.pid, signal)
}
