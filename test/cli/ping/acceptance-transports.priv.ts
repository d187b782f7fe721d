// Must show 5: three transports, the same replies; without the native addon the raw-socket package carries them, and it is said.

import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  addChain,
  type Chain,
  describeLab,
  type Family,
  removeChain,
  setPingGroups,
  withRules,
} from '../../lab/index.js'
import { ROOT } from '../run.js'
import { documentOf, expectSameText, type PingDocumentTarget, pingIn } from './acceptance.js'

const TRANSPORTS = ['datagram', 'raw', 'raw-socket'] as const
const FAMILIES: readonly Family[] = [4, 6]

/** What must be alike: everything but times. */
const withoutTimes = ({ replies, errors, statistics }: PingDocumentTarget) => ({
  replies: replies.map(({ sequence, ttl, bytes, from, duplicate, late }) => ({
    sequence,
    ttl,
    bytes,
    from,
    duplicate,
    late,
  })),
  errors: errors.map(({ sequence, from, type, code, reason }) => ({ sequence, from, type, code, reason })),
  statistics: {
    transmitted: statistics.transmitted,
    received: statistics.received,
    errors: statistics.errors,
    lossPercent: statistics.lossPercent,
  },
})

describeLab('netkit ping over its three transports', () => {
  let chain: Chain
  beforeAll(async () => {
    chain = await addChain(2)
    await setPingGroups(chain.source, 'open')
  })
  afterAll(() => removeChain(chain))

  const each = async (args: readonly string[]) => {
    const all = []
    for (const transport of TRANSPORTS) {
      const document = await documentOf(chain.source, ['--transport', transport, ...args])
      expect(document.transport).toBe(transport)
      all.push(withoutTimes(document))
    }
    return all as [ReturnType<typeof withoutTimes>, ...ReturnType<typeof withoutTimes>[]]
  }

  test('the same replies', async () => {
    for (const family of FAMILIES) {
      for (const more of [[], ['-s', '1000'], ['-t', '9', '-s', '0']]) {
        const [first, ...others] = await each(['-c3', '-i.05', '-W1', ...more, chain.target(family)])
        expect(first.statistics).toMatchObject({ transmitted: 3, received: 3 })
        // The package hands IPv6 answers out without their hop limit, and unknown is null.
        const unknown = { ...first, replies: first.replies.map(reply => ({ ...reply, ttl: null })) }
        expect(others[0]).toEqual(first)
        expect(others[1]).toEqual(family === 4 ? first : unknown)
      }
    }
  })

  test('the same errors', async () => {
    for (const family of FAMILIES) {
      const [first, ...others] = await each(['-c2', '-i.1', '-W.5', '-t1', chain.target(family)])
      expect(first.errors).toMatchObject([
        { sequence: 1, from: chain.address(1, family), type: family === 4 ? 11 : 3, code: 0 },
        { sequence: 2, from: chain.address(1, family) },
      ])
      for (const other of others) expect(other).toEqual(first)
    }
  })

  test('the same text as iputils', async () => {
    for (const transport of TRANSPORTS) {
      for (const family of FAMILIES) {
        const args = ['-c2', '-i.2', chain.target(family)]
        const without = transport === 'raw-socket' && family === 6 ? { leaveOut: / ttl=\d+/g } : {}
        await expectSameText(chain.source, ['--transport', transport, ...args], { witness: args, ...without })
      }
    }
  })

  test('the replies to other programs are theirs', async () => {
    for (const transport of TRANSPORTS) {
      const args = ['--transport', transport, '-c20', '-i.01', '-e', '7', chain.target(4)]
      const [one, two] = await Promise.all([
        documentOf(chain.source, args),
        documentOf(chain.source, args.with(5, '8')),
      ])
      for (const { statistics } of [one, two]) {
        expect(statistics).toMatchObject({ transmitted: 20, received: 20, duplicates: 0 })
      }
    }
  })

  describe('without the native addon', () => {
    let place: string
    let program: string
    beforeAll(() => {
      place = mkdtempSync(join(tmpdir(), 'nk-no-addon-'))
      for (const part of ['bin', 'dist', 'package.json', 'oclif.manifest.json']) {
        cpSync(join(ROOT, part), join(place, part), { recursive: true, filter: from => !from.endsWith('.node') })
      }
      symlinkSync(join(ROOT, 'node_modules'), join(place, 'node_modules'))
      program = join(place, 'bin/run.js')
    })
    afterAll(() => rmSync(place, { recursive: true, force: true }))

    test('the raw-socket package is used, and both outputs say so', async () => {
      for (const family of FAMILIES) {
        const args = ['-c3', '-i.2', chain.target(family)]
        const document = await documentOf(chain.source, args, { program })
        expect(document).toMatchObject({ exit: 0, transport: 'raw-socket', timestampSource: 'user' })
        expect(document.statistics).toMatchObject({ transmitted: 3, received: 3 })
        const without = family === 6 ? { leaveOut: / ttl=\d+/g } : {}
        const { stderr } = await expectSameText(chain.source, args, { program, ...without })
        expect(stderr).toMatch(/^netkit: .*raw-socket/m)
        expect(stderr).toMatch(/native|netkit\.node/)
      }
    })

    test('it tells errors and silence too', async () => {
      const expired = await documentOf(chain.source, ['-c1', '-W.5', '-t1', chain.target(4)], { program })
      expect(expired).toMatchObject({
        exit: 1,
        errors: [{ sequence: 1, from: chain.address(1, 4), type: 11, code: 0 }],
      })
      await withRules(chain.routers[0]!, 'forward', 'icmp type echo-request drop', async () => {
        const silent = await documentOf(chain.source, ['-c2', '-i.1', '-W.5', chain.target(4)], { program })
        expect(silent).toMatchObject({ exit: 1, errors: [], statistics: { received: 0, lossPercent: 100 } })
      })
    })

    test('asked for by name, a transport that needs the addon is refused with a reason', async () => {
      const { code, stdout, stderr } = await pingIn(chain.source, ['-c1', '--transport', 'datagram', chain.target(4)], {
        program,
      })
      expect({ code, stdout }).toEqual({ code: 4, stdout: '' })
      expect(stderr).toMatch(/^netkit: .*(native|netkit\.node)/)
    })
  })
}, ['ping', 'nft'])
