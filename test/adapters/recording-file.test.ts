// A recording that is read from a pipe.

import fs from 'node:fs'
import { expect, test, vi } from 'vitest'
import { openRecording } from '../../src/adapters/recording-file.js'

test('a pipe that gives little at a time is read with one buffer', () => {
  const buffers = new Set<unknown>()
  const text = 'netkit-sockets 1'
  let at = 0
  const readSync = vi.spyOn(fs, 'readSync').mockImplementation((_fd, buffer, from) => {
    buffers.add(buffer.buffer)
    if (at === text.length) return 0
    new Uint8Array(buffer.buffer)[from as unknown as number] = text.charCodeAt(at++)
    return 1
  })
  try {
    // Like a pipe, it is no file.
    const recording = openRecording('/dev/null')
    expect(new TextDecoder().decode(recording.read(0, 100))).toBe(text)
    expect(recording.size).toBe(text.length)
    recording.close()
  } finally {
    readSync.mockRestore()
  }
  expect(buffers.size).toBe(1)
})
