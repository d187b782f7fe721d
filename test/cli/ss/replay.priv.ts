// --record and --replay through bin/run.js: what is replayed is what was live, and damage is said.

import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Socket, SocketListing } from '../../../src/sockets/model.js'
import { addNetns, deleteNetns, describeLab, type HeldStates, holdAllStates, inNetns, NOBODY } from '../../lab/index.js'
import { NETKIT, runNetkit } from '../run.js'

/** What moves between two looks at an idle namespace; a full accept queue drops every SYN that is sent again. */
const MOVING = /^(drops|expiresMs|last\w+Ms|busyUs|pacingRateBytesPerSecond|deliveryRateBytesPerSecond)$/

/** A socket without what moves; null for those that netkit itself has while it looks. */
function still(socket: Socket): unknown {
  if (socket.protocol === 'netlink') return null
  // What is being sent again and again changes all its counters; a half-open connection counts its answers.
  const busy = socket.timer?.name === 'retransmit'
  const counted = busy ? { ...socket, timer: null, tcp: null, memory: null, drops: null } : socket
  // Packet sockets hear what the others send again.
  const plain = socket.protocol === 'packet' ? { ...counted, recvQueue: null, memory: null } : counted
  return JSON.parse(JSON.stringify(plain, (key, value) => (MOVING.test(key) ? undefined : value)))
}

const stills = (listing: SocketListing): unknown[] => listing.sockets.map(still).filter(each => each !== null)

describeLab('netkit ss --record and --replay', () => {
  let ns = ''
  let directory = ''
  let file = ''
  let lab: HeldStates

  const live = async (...args: string[]): Promise<SocketListing> => {
    const { stdout, stderr } = await inNetns(ns, [NETKIT, 'ss', '--json', ...args])
    expect(stderr).toBe('')
    return JSON.parse(stdout)
  }
  const replay = (...args: string[]) => runNetkit(['ss', '--replay', file, ...args])
  const replayJson = async (...args: string[]): Promise<SocketListing> =>
    JSON.parse((await replay('--json', ...args)).stdout)

  /**
   * What is live, and what was recorded right before it. Something may have moved in between, a retransmission for one: only a look
   * between two recordings that are alike counts.
   */
  const whileStill = async (args: readonly string[]): Promise<{ now: SocketListing; then: SocketListing }> => {
    const record = async (): Promise<SocketListing> => {
      expect(await inNetns(ns, [NETKIT, 'ss', '-p', '--record', file])).toMatchObject({ code: 0 })
      return replayJson(...args)
    }
    let then = await record()
    for (let looks = 0; looks < 10; looks++) {
      const now = await live(...args)
      const after = await record()
      if (isDeepStrictEqual(stills(then), stills(after))) return { now, then }
      then = after
    }
    throw new Error('the sockets of the lab did not keep still')
  }

  beforeAll(async () => {
    ns = await addNetns()
    directory = mkdtempSync(join(tmpdir(), 'nk-replay-'))
    file = join(directory, 'states.nks')
    lab = await holdAllStates(ns)
    const made = await inNetns(ns, [NETKIT, 'ss', '-p', '--record', file])
    expect(made).toMatchObject({ code: 0 })
    expect(made.stdout).toMatch(/^\d+ sockets recorded in /)
  })

  afterAll(async () => {
    if (ns !== '') await deleteNetns(ns)
    if (directory !== '') rmSync(directory, { recursive: true, force: true })
  })

  test.each([
    [['-a']],
    [['-tan']],
    [['-taim']],
    [['-aeo', '--tos']],
    [['-xa']],
    [['-tuap']],
    [['-l']],
    [['-6', '-a']],
    [['--state', 'time-wait']],
    [['state', 'close-wait']],
    [['-ta', '( sport > :1024 and not dst 127.0.0.0/8 )']],
    [['-ta', 'rtt >= 0']],
    [['-a', '--source', 'auto', 'recvq = 0']],
  ])('replayed with %j is what is live', async args => {
    const { now, then } = await whileStill(args)
    expect(now.sockets.length).toBeGreaterThan(0)
    expect(stills(then)).toEqual(stills(now))
    expect(then.sources.map(each => ({ ...each, method: '' }))).toEqual(
      now.sources.map(each => ({ ...each, method: '' })),
    )
    expect(new Set(then.sources.map(each => each.method))).toEqual(
      new Set(now.sources.map(each => (each.method === 'none' ? 'none' : 'replay'))),
    )
  })

  test('replayed with a filter by process finds what it holds', async () => {
    const { sockets } = await replayJson('-ta', `pid = ${lab.pid}`)
    expect(sockets.length).toBeGreaterThan(3)
    expect(sockets.every(each => each.processes?.some(holder => holder.pid === lab.pid))).toBe(true)
  })

  test('two replays are the same byte for byte, as a table too', async () => {
    for (const args of [['-apiem', '--json'], ['-apiem'], ['-a', '--ndjson'], ['-a', '--count-by', 'state,protocol']]) {
      const [one, two] = [await replay(...args), await replay(...args)]
      expect(one.stdout).toBe(two.stdout)
      expect(one.stdout).not.toBe('')
    }
  })

  test('the file is for its owner only, and replaces an older one whole', async () => {
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const link = join(directory, 'link')
    symlinkSync(file, link)
    expect(await inNetns(ns, [NETKIT, 'ss', '-p', '--record', link])).toMatchObject({ code: 0 })
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(readdirSync(directory).filter(name => name.endsWith('.part'))).toEqual([])
  })

  test('goes through a pipe: --record - and --replay -', async () => {
    const { stdout } = await inNetns(ns, ['bash', '-c', `${NETKIT} ss --record - | ${NETKIT} ss -ta --json --replay -`])
    expect(JSON.parse(stdout).sockets.length).toBe((await live('-ta')).sockets.length)
  })

  test('without -p says that holders were not recorded', async () => {
    const plain = join(directory, 'plain.nks')
    await inNetns(ns, [NETKIT, 'ss', '-t', '--record', plain])
    const { stdout, stderr, code } = await runNetkit(['ss', '-tap', '--replay', plain])
    expect(stderr).toContain('who holds the sockets was not recorded: record with -p to have them')
    expect(stdout).toContain('LISTEN')
    expect(code).toBe(0)
    const json = JSON.parse((await runNetkit(['ss', '-tap', '--json', '--replay', plain])).stdout)
    expect(json.sockets[0].processes).toBeNull()
    const other = await runNetkit(['ss', '-ua', '--replay', plain])
    expect(other.stderr).toContain('they were not recorded')
    expect(other.code).toBe(4)
  })

  test('procfs as the source is recorded and replayed as it was', async () => {
    const proc = join(directory, 'proc.nks')
    await inNetns(ns, [NETKIT, 'ss', '--source', 'procfs', '--record', proc])
    const now = await live('-tuxa', '--source', 'procfs')
    const then: SocketListing = JSON.parse((await runNetkit(['ss', '-tuxa', '--json', '--replay', proc])).stdout)
    expect(stills(then)).toEqual(stills(now))
    expect(then.sources.map(each => each.missing)).toEqual(now.sources.map(each => each.missing))
    expect(then.sources.every(each => each.method === 'replay' && each.error === null)).toBe(true)
  })

  test('--net all is recorded with its labels, and one namespace can be taken out of it', async () => {
    const all = join(directory, 'all.nks')
    expect(await runNetkit(['ss', '-tx', '--net', 'all', '--record', all])).toMatchObject({ code: 0 })
    const listing: SocketListing = JSON.parse((await runNetkit(['ss', '-ta', '--json', '--replay', all])).stdout)
    expect(listing.sockets.some(each => each.netns === ns)).toBe(true)
    const one: SocketListing = JSON.parse(
      (await runNetkit(['ss', '-ta', '--json', '--net', ns, '--replay', all])).stdout,
    )
    expect(new Set(one.sockets.map(each => each.netns))).toEqual(new Set([ns]))
    expect(await runNetkit(['ss', '--net', 'nowhere', '--replay', all])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the recording has no network namespace nowhere'),
    })
  })

  test('a cut file is shown as far as it goes, with a warning, and exits 5', async () => {
    const cut = join(directory, 'cut.nks')
    writeFileSync(cut, readFileSync(file))
    truncateSync(cut, statSync(file).size - 10)
    const { stdout, stderr, code } = await runNetkit(['ss', '-ta', '--replay', cut])
    expect(stdout).toContain('TIME-WAIT')
    expect(stderr).toMatch(/damaged at byte \d+: .*; what could be read is shown/)
    expect(code).toBe(5)
    const json = await runNetkit(['ss', '-ta', '--json', '--replay', cut])
    expect(JSON.parse(json.stdout).notes[0]).toContain('damaged at byte')
    expect(json.code).toBe(5)
  })

  test.each([
    [
      'no file',
      'missing',
      null,
      4,
      /cannot read the recording .*missing: no such file or directory \(ENOENT\)\n {2}check the name/,
    ],
    ['a directory', '.', null, 4, /EISDIR/],
    [
      'text',
      'text',
      'hello world, this is no recording\n',
      5,
      /neither a recording of netkit ss --record nor one of ss -D/,
    ],
    ['nothing', 'empty', '', 5, /neither a recording/],
    ['a later version', 'later', 'netkit-sockets 9\n{}\n', 5, /version 9/],
  ])('%s is refused in one sentence', async (_what, name, content, code, words) => {
    const path = join(directory, name)
    if (content !== null) writeFileSync(path, content)
    const outcome = await runNetkit(['ss', '--replay', path])
    expect(outcome).toMatchObject({ code, stdout: '' })
    expect(outcome.stderr).toMatch(words)
    expect(outcome.stderr).not.toMatch(/\n\s+at /)
    const json = await runNetkit(['ss', '--json', '--replay', path])
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { exit: code } })
  })

  test('a place that cannot be written to is refused, and nothing is left there', async () => {
    const missing = await runNetkit(['ss', '--record', join(directory, 'no', 'such', 'place')])
    expect(missing).toMatchObject({ code: 4, stderr: expect.stringContaining('cannot write the recording') })
    const denied = await runNetkit(['ss', '--record', '/proc/x'], { uid: NOBODY })
    expect([3, 4]).toContain(denied.code)
  })

  test('what ss -D wrote is shown with its IPv6 sockets, by state and filter, alike live', async () => {
    const dump = join(directory, 'ss.dump')
    expect(await inNetns(ns, ['ss', '-D', dump, '-a'])).toMatchObject({ code: 0 })
    const now = (await live('-ta')).sockets.filter(each => each.state !== 'bound-inactive')
    const then: SocketListing = JSON.parse((await runNetkit(['ss', '-a', '--json', '--replay', dump])).stdout)
    const name = (each: Socket): string =>
      [each.family, each.state, each.local.address, each.local.port, each.peer.port, each.inode].join(' ')
    const kept = then.sockets.filter(each => each.state !== 'bound-inactive')
    expect(kept.map(name).sort()).toEqual(now.map(name).sort())
    expect(kept.some(each => each.family === 'inet6')).toBe(true)
    const waiting: SocketListing = JSON.parse(
      (await runNetkit(['ss', '--json', '--replay', dump, 'state', 'time-wait'])).stdout,
    )
    expect(waiting.sockets.length).toBeGreaterThan(0)
    expect(new Set(waiting.sockets.map(each => each.state))).toEqual(new Set(['time-wait']))
  })
}, ['ss'])
