// The events of a run of probes as a stream that a program iterates over.

import { BatchQueue } from './batch-queue.js'

interface Run {
  run(): Promise<void>
  stop(): void
}

interface Startable<Event, Started extends Run> {
  start(tell: (event: Event) => void): Started
  close(): void
}

/**
 * Starts a run and hands its events on; `before` and `after` say what comes first and last. The run ends with the loop, or when
 * `signal` says so, and closes what it was prepared with.
 */
export async function* runEvents<Event, Started extends Run>(
  prepared: Startable<Event, Started>,
  signal: AbortSignal | undefined,
  before: (run: Started) => Iterable<Event>,
  after: (run: Started) => Iterable<Event>,
): AsyncGenerator<Event, void, undefined> {
  const queue = new BatchQueue<Event>()
  const run = prepared.start(event => {
    queue.push(event)
    queue.flush()
  })
  const stop = (): void => run.stop()
  signal?.addEventListener('abort', stop, { once: true })
  // Nothing is sent for somebody who has said stop already.
  const probing = (signal?.aborted ? Promise.resolve() : run.run()).finally(() => queue.end())
  // Looked at below; until then a failure has to wait.
  probing.catch(() => undefined)
  try {
    yield* before(run)
    for (;;) {
      const batch = await queue.next()
      if (batch === null) break
      yield* batch
    }
    await probing
    yield* after(run)
  } finally {
    stop()
    signal?.removeEventListener('abort', stop)
    prepared.close()
  }
}
