import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readInput, readWhole } from '../../src/adapters/input-descriptor.js'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nk-input-'))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

test('a pipe in non-blocking mode is waited for, and read to its end', () => {
  const path = join(directory, 'fifo')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, 'w')
  spawn('sh', ['-c', 'sleep 0.2; printf one; sleep 0.1; printf two'], { stdio: ['ignore', writer, 'ignore'] })
  closeSync(writer)
  try {
    expect(readWhole(reader, 100)!.toString()).toBe('onetwo')
  } finally {
    closeSync(reader)
  }
})

test('what is longer than the limit is null, whether it ends or not', () => {
  const path = join(directory, 'file')
  writeFileSync(path, Buffer.alloc(200_000, 'x'))
  expect(readInput(path, 200_000)).toEqual(Buffer.alloc(200_000, 'x'))
  expect(readInput(path, 199_999)).toBeNull()
  expect(readInput('/dev/zero', 1_000_000)).toBeNull()
  expect(readInput('/dev/null', 0)).toHaveLength(0)
})

test('what is not there throws what node throws', () => {
  expect(() => readInput(join(directory, 'none'), 1)).toThrow(/ENOENT/)
})
