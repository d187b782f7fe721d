import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readlinkSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AF_INET, AF_NETLINK, addon, loopback, NETLINK_SOCK_DIAG, native, SOCK_DGRAM, SOCK_RAW } from './helper.js'

const name = `nk-${process.pid}-native`

/** Null, or what is missing. */
function obstacle(): string | null {
  if (addon === null) return 'the native addon'
  try {
    execFileSync('ip', ['netns', 'add', name], { stdio: 'pipe' })
    return null
  } catch (error) {
    return `a network namespace: ${(error as Error).message.trim()}`
  }
}

const missing = obstacle()
if (missing !== null) console.warn(`skipped: needs ${missing}`)

describe.skipIf(missing !== null)('a socket in another network namespace', () => {
  let netns = -1
  beforeAll(() => {
    netns = openSync(`/run/netns/${name}`, 'r')
  })
  afterAll(() => {
    closeSync(netns)
    execFileSync('ip', ['netns', 'del', name])
  })

  it('sees that namespace, where loopback is down', () => {
    const there = native.open(AF_INET, SOCK_DGRAM, 0, netns)
    const here = native.open(AF_INET, SOCK_DGRAM, 0, -1)
    expect(native.connect(there, loopback(9))).toBe(-101) // ENETUNREACH
    expect(native.connect(here, loopback(9))).toBe(0)
    native.close(there)
    native.close(here)
  })

  it('leaves the namespace of this thread as it was', () => {
    const before = readlinkSync('/proc/thread-self/ns/net')
    for (let round = 0; round < 20; round++) native.close(native.open(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG, netns))
    expect(readlinkSync('/proc/thread-self/ns/net')).toBe(before)
    expect(readlinkSync('/proc/self/ns/net')).toBe(before)
  })

  it('passes the error of socket(2) on', () => {
    expect(native.open(999, SOCK_DGRAM, 0, netns)).toBe(-97) // EAFNOSUPPORT
  })
})
