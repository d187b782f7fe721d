// Ctrl-C, SIGTERM and a hangup: who wants to hear of them, and the system's own answer to them when nobody does any more.

/** Signals that end a program. Node takes back that nohup(1) had one ignored, so that a hangup is no worse than the others. */
const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
export type Interrupt = (typeof INTERRUPTS)[number]

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
  for (const signal of INTERRUPTS) process.on(signal, hear)
}

function hear(signal: NodeJS.Signals): void {
  isInstalled = false
  for (const each of INTERRUPTS) process.off(each, hear)
  const told = [...callbacks]
  callbacks.clear()
  for (const callback of told) callback(signal as Interrupt)
  if (told.length === 0) process.kill(process.pid, signal)
}
