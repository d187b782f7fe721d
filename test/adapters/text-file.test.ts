import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { writeTextFile } from '../../src/adapters/text-file.js'
import { NetkitError } from '../../src/errors/index.js'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netkit-text-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

function failure(work: () => void): NetkitError {
  try {
    work()
  } catch (error) {
    if (error instanceof NetkitError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a text file', () => {
  test('is there as a whole, and nothing beside it', () => {
    const path = join(folder, 'page.html')
    writeTextFile(path, 'old')
    writeTextFile(path, 'new é')
    expect(readFileSync(path, 'utf8')).toBe('new é')
    expect(readdirSync(folder)).toEqual(['page.html'])
  })

  test('that a link names is replaced, not the link', () => {
    const path = join(folder, 'real')
    writeFileSync(path, 'old')
    symlinkSync('real', join(folder, 'link'))
    writeTextFile(join(folder, 'link'), 'new')
    expect(readFileSync(path, 'utf8')).toBe('new')
    expect(readdirSync(folder).sort()).toEqual(['link', 'real'])
  })

  test('in a folder that is not there is an error that says so, exit 4', () => {
    const error = failure(() => writeTextFile(join(folder, 'none', 'page.html'), 'text'))
    expect(error.message).toMatch(/^cannot write .*page\.html: .*ENOENT/)
    expect(error.exit).toBe(4)
  })

  test('that is a folder is refused, and the folder stays', () => {
    mkdirSync(join(folder, 'page'))
    expect(failure(() => writeTextFile(join(folder, 'page'), 'text')).exit).toBe(4)
    expect(readdirSync(folder)).toEqual(['page'])
  })

  test.skipIf(!existsSync('/dev/full'))('that a device does not take is an error; the device stays', () => {
    const error = failure(() => writeTextFile('/dev/full', 'text'))
    expect(error.message).toContain('ENOSPC')
    expect(existsSync('/dev/full')).toBe(true)
  })
})
