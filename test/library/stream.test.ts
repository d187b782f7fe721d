// The queue between a dump, which pushes, and the consumer of a stream, which pulls.

import { describe, expect, test } from 'vitest'
import { BatchQueue } from '../../src/compose/batch-queue.js'

const tick = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('the queue of a stream', () => {
  test('holds no more than what is pushed between two pauses', async () => {
    const queue = new BatchQueue<number>()
    let pushed = 0
    let taken = 0
    let most = 0
    const producer = (async () => {
      for (let batch = 0; batch < 50; batch++) {
        for (let item = 0; item < 100; item++) queue.push(pushed++)
        await queue.drained()
      }
    })().finally(() => queue.end())
    const seen: number[] = []
    for (let batch = await queue.next(); batch !== null; batch = await queue.next()) {
      for (const item of batch) {
        if (taken++ % 37 === 0) await tick()
        most = Math.max(most, pushed - taken)
        seen.push(item)
      }
    }
    await producer
    expect(seen).toEqual(Array.from({ length: 5000 }, (_, item) => item))
    expect(most).toBeLessThanOrEqual(100)
  })

  test('ends at once when nothing comes', async () => {
    const queue = new BatchQueue<number>()
    expect(queue.drained()).toBeNull()
    queue.end()
    expect(await queue.next()).toBeNull()
  })

  test('gives what was pushed last, although nobody paused', async () => {
    const queue = new BatchQueue<string>()
    queue.push('a')
    queue.end()
    expect(await queue.next()).toEqual(['a'])
    expect(await queue.next()).toBeNull()
  })

  test('stops the producer when the consumer has gone, waiting or not', async () => {
    const queue = new BatchQueue<string>()
    queue.push('a')
    const waiting = queue.drained()
    queue.abandon()
    await expect(waiting).rejects.toThrow()
    await expect(queue.drained()).rejects.toThrow()
  })
})
