import { execFileSync } from 'node:child_process'
import { constants } from 'node:os'
import { describe, expect, it } from 'vitest'
import {
  DecodeError,
  ERRNO,
  errnoName,
  errnoOfWords,
  errnoWords,
  fromNodeError,
  hintsFor,
  InternalError,
  KernelReplyError,
  NetkitError,
  PermissionError,
  SystemCallError,
  systemError,
  UnsupportedError,
  UsageError,
} from '../../src/errors/index.js'

describe('errno', () => {
  it('has the numbers of this system for every name Node knows', () => {
    const known = Object.entries(constants.errno).filter(([name]) => name in ERRNO)
    expect(known.length).toBeGreaterThan(70)
    for (const [name, number] of known) expect([name, ERRNO[name as keyof typeof ERRNO]]).toEqual([name, number])
  })

  it('has the words of the C library for every number', () => {
    const script = 'import os\nfor n in range(1, 134): print(os.strerror(n))'
    const words = execFileSync('python3', ['-c', script], { encoding: 'utf8' }).trimEnd().split('\n')
    for (const number of Object.values(ERRNO)) {
      expect(errnoWords(number)).toBe(words[number - 1]!.replace(/^[A-Z](?![A-Z])/, c => c.toLowerCase()))
      expect(errnoOfWords(words[number - 1]!)).toBe(number)
    }
    expect(errnoOfWords('words that no system has')).toBe(0)
  })

  it('takes a negative number as the native layer returns it, and lets an unknown one survive', () => {
    expect(errnoName(-13)).toBe('EACCES')
    expect(errnoName(4242)).toBe('errno-4242')
    expect(errnoWords(-4242)).toBe('unknown error 4242')
  })
})

describe('errors', () => {
  const where = { layer: 'pcap', offset: 24, need: 16, have: 3 }
  it.each([
    [new UsageError('m'), 'usage', 2],
    [new PermissionError('m', 1), 'permission-missing', 3],
    [new SystemCallError('m', -24), 'system-call', 4],
    [new KernelReplyError('m', -22), 'kernel-reply', 4],
    [new UnsupportedError('m'), 'unsupported', 4],
    [new DecodeError('m', where), 'damaged-input', 5],
    [new InternalError('m'), 'bug', 70],
  ])('%s has its code and exit', (error, code, exit) => {
    expect(error).toBeInstanceOf(NetkitError)
    expect(error).toMatchObject({ code, exit, hints: [], message: 'm', name: error.constructor.name })
  })

  it('say where input is damaged', () => {
    expect(new DecodeError('m', where)).toMatchObject(where)
  })

  it.each([
    [-1, PermissionError],
    [13, PermissionError],
    [-97, UnsupportedError],
    [38, UnsupportedError],
    [-24, SystemCallError],
  ])('of errno %i are of the right kind', (errno, kind) => {
    expect(systemError('icmp-socket', errno, 'open a socket')).toBeInstanceOf(kind)
  })

  it('carry what to type', () => {
    const error = systemError('icmp-socket', -13, 'open an ICMP socket')
    expect(error.message).toBe('cannot open an ICMP socket: permission denied (EACCES)')
    expect(error.hints[0]).toContain('net.ipv4.ping_group_range')
    expect(hintsFor('bind', 4242)).toEqual([])
  })

  it('are made of those of node:fs, and of nothing else', () => {
    const cause = Object.assign(new Error('ENOENT'), { errno: -2, code: 'ENOENT', syscall: 'open', path: '/x' })
    expect(fromNodeError('file-open', cause)).toMatchObject({
      message: 'cannot open /x: no such file or directory (ENOENT)',
      cause,
      exit: 4,
    })
    expect(fromNodeError('file-open', 'text')).toBe('text')
    const other = new TypeError('x')
    expect(fromNodeError('file-open', other)).toBe(other)
  })
})
