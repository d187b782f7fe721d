// Ctrl-C and SIGTERM: who wants to hear of them, and the system's own answer to them while nobody could.

/** Signals that end a program. */
export type Interrupt = 'SIGINT' | 'SIGTERM'

type Listener = (signal: NodeJS.Signals) => void

const listeners = new Set<Listener>()

function add(listener: Listener): void {
  process.on('SIGINT', listener)
  process.on('SIGTERM', listener)
}

function remove(listener: Listener): void {
  process.off('SIGINT', listener)
  process.off('SIGTERM', listener)
}

/**
 * Calls `callback` at the first of them; a second one kills the program, as any does that nobody listens to.
 * @returns a function that takes the callback away again
 */
export function onInterrupt(callback: (signal: Interrupt) => void): () => void {
  const free = (): void => {
    listeners.delete(listener)
    remove(listener)
  }
  const listener: Listener = signal => {
    free()
    callback(signal as Interrupt)
  }
  listeners.add(listener)
  add(listener)
  return free
}

/** Whether somebody listens, so that a signal waits for the event loop. */
export const isListening = (): boolean => listeners.size > 0

/** Does what may block for ever: meanwhile signals kill, since the event loop would never come to tell of them. */
export function killable<Value>(work: () => Value): Value {
  for (const listener of listeners) remove(listener)
  try {
    return work()
  } finally {
    for (const listener of listeners) add(listener)
  }
}
