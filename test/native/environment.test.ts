import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addon, openDescriptors } from './helper.js'

const addonPath = Object.keys(createRequire(import.meta.url).cache).find(path => path.endsWith('netkit.node'))

/** Runs `body` in a worker thread: there are `native`, `socket()` and `ready()`, which tells this thread to go on. */
function start(body: string): Worker {
  const program = `
    const { parentPort, workerData } = require('node:worker_threads')
    const native = require(workerData)
    const ready = () => parentPort.postMessage('ready')
    const address = new Uint8Array([2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    const socket = () => {
      const handle = native.open(2, 2, 0, -1)
      native.bind(handle, address)
      return handle
    }
    ${body}`
  return new Worker(program, { eval: true, workerData: addonPath })
}

const event = (worker: Worker, name: string): Promise<unknown> => new Promise(resolve => worker.once(name, resolve))

/** Closing is done when the worker's loop is, which may be a moment after its exit event. */
async function settled(expected: number): Promise<number> {
  for (let left = 100; left > 0 && openDescriptors() > expected; left--)
    await new Promise(resolve => setTimeout(resolve, 10))
  return openDescriptors()
}

describe.skipIf(addon === null)('the end of an environment', () => {
  let before = 0
  beforeAll(async () => {
    // The first worker of a process opens descriptors that stay.
    await event(start(''), 'exit')
    before = openDescriptors()
  })
  afterAll(async () => expect(await settled(before)).toBe(before))

  it('closes what a worker left open when it ends by itself', async () => {
    const worker = start('for (let i = 0; i < 20; i++) socket()')
    expect(await event(worker, 'exit')).toBe(0)
    expect(await settled(before)).toBe(before)
  })

  it('closes watched sockets when a worker ends by process.exit', async () => {
    const worker = start(`
      for (let i = 0; i < 20; i++) native.watch(socket(), 1, () => {})
      setImmediate(() => process.exit(7))`)
    expect(await event(worker, 'exit')).toBe(7)
    expect(await settled(before)).toBe(before)
  })

  it('survives terminate() while sockets are watched and report without pause', async () => {
    for (let round = 0; round < 5; round++) {
      const worker = start(`
        let reports = 0
        for (let i = 0; i < 10; i++) native.watch(socket(), 2, () => { if (++reports === 100) ready() })`)
      await event(worker, 'message')
      await worker.terminate()
    }
    expect(await settled(before)).toBe(before)
  })

  it('survives terminate() while receives are in flight', async () => {
    for (let round = 0; round < 10; round++) {
      const worker = start(`
        const arena = new Uint8Array(64)
        const row = new Int32Array([0, 8, 0, 0, 0, 0, 0, 0, 0, 0])
        let receives = 0
        const again = handle => native.receiveBatchAsync(handle, arena, row, 1, 0, () => {
          if (++receives === 200) ready()
          again(handle)
        })
        for (let i = 0; i < 20; i++) again(socket())`)
      await event(worker, 'message')
      await worker.terminate()
    }
    expect(await settled(before)).toBe(before)
  })

  it('survives terminate() while sends are in flight', async () => {
    for (let round = 0; round < 5; round++) {
      const worker = start(`
        const message = new Uint8Array([2, 0, 0, 9, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1])
        const row = () => new Int32Array([16, 1, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0])
        let sends = 0
        const again = handle => native.sendStampedAsync(handle, message, row(), 1, 0, () => {
          if (++sends === 200) ready()
          again(handle)
        })
        for (let i = 0; i < 20; i++) again(socket())`)
      await event(worker, 'message')
      await worker.terminate()
    }
    expect(await settled(before)).toBe(before)
  })

  it('survives terminate() of a worker that never returns to its loop', async () => {
    const worker = start(`
      const arena = new Uint8Array(64)
      const row = new Int32Array([0, 8, 0, 0, 0, 0, 0, 0, 0, 0])
      for (let i = 0; i < 5; i++) {
        const handle = socket()
        native.watch(handle, 2, () => {})
        native.receiveBatchAsync(handle, arena, row, 1, 0, () => {})
      }
      ready()
      for (;;) native.close(socket())`)
    await event(worker, 'message')
    await worker.terminate()
    expect(await settled(before)).toBe(before)
  })

  it('gives every environment its own handles', async () => {
    const worker = start(`parentPort.postMessage([native.open(2, 2, 0, -1), native.open(2, 2, 0, -1)])`)
    expect(await event(worker, 'message')).toEqual([1, 2])
    await worker.terminate()
  })
})
