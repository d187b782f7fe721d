// Must show 5: names and paths that other processes chose reach no terminal as they are, and every JSON reader exactly.

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Socket, SocketListing } from '../../../src/sockets/model.js'
import {
  addNetns,
  deleteNetns,
  describeLab,
  type HeldSocket,
  HOSTILE_COMM,
  holdAllStates,
  inNetns,
  type NamedProcess,
  processNamed,
} from '../../lab/index.js'
import { NETKIT } from '../run.js'
import { listing, netkitIn, pidsOf, textRows } from './acceptance.js'

/** C0 but for the newline, DEL and C1; in UTF-8 the last are two bytes, so the text is searched. */
const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/
/** Details are on a line of their own, which begins with a tab. */
const clean = (text: string): string => text.replace(/^\t/gm, '')

describeLab('a process named a) ESC[31mR and a socket path with control bytes', () => {
  let ns: string
  let named: NamedProcess
  let second: NamedProcess
  let path: HeldSocket
  beforeAll(async () => {
    ns = await addNetns()
    named = await processNamed(ns)
    // A C1 control (CSI), a direction override, and a name that looks like the end of ss's own notation.
    second = await processNamed(ns, '"),\u009b7m\u202ex\n')
    const held = await holdAllStates(ns)
    path = held.sockets.find(({ what }) => what === 'path with control bytes')!
  })
  afterAll(() => deleteNetns(ns))

  test.each([
    ['-tulpn'],
    ['-axpeoim'],
    ['-ap'],
    ['-aOpeim', '--tos', '--cgroup', '--inet-sockopt'],
    ['-aT', '--net', 'all'],
    ['-l', '--count-by', 'process'],
    ['-a', '--count-by', 'process,local,state'],
  ])('text of %s ... has no control character', async (...args) => {
    const { stdout, stderr, code } = await netkitIn(ns, args)
    expect(code).toBe(0)
    expect(CONTROLS.exec(clean(stdout))).toBeNull()
    expect(CONTROLS.exec(stderr)).toBeNull()
    expect(stdout).not.toContain('\u202e')
    expect(stdout.length).toBeGreaterThan(0)
  })

  test('the row of the process has its pid and its name up to the last parenthesis, made visible', async () => {
    const rows = await textRows(ns, ['-tlp', `sport = :${named.port}`])
    expect(rows).toHaveLength(1)
    expect(rows[0]).toContain(`users:(("a) \\x1b[31mR",pid=${named.pid},fd=`)
    const unix = await textRows(ns, ['-xl'])
    expect(unix.filter(line => line.includes('ctl \\x1b[31m\\x07\\x09tab'))).toHaveLength(1)
  })

  test('JSON gives both back exactly, as a document and as lines', async () => {
    const check = (sockets: readonly Socket[]): void => {
      for (const { pid, inode, comm } of [named, second]) {
        const found = sockets.find(socket => socket.inode === inode)
        expect(found?.processes).toMatchObject([{ pid, name: comm }])
      }
      const file = sockets.find(socket => socket.inode === path.inode)
      expect(file).toMatchObject({ path: path.local, local: { address: path.local } })
      expect(pidsOf(file!.processes)).toEqual([path.pid])
    }
    const { stdout, code } = await netkitIn(ns, ['-lp', '--json'])
    expect(code).toBe(0)
    expect(CONTROLS.exec(stdout.replaceAll('\u009b', ''))).toBeNull()
    check((JSON.parse(stdout) as SocketListing).sockets)
    const lines = await netkitIn(ns, ['-lp', '--ndjson'])
    expect(lines.code).toBe(0)
    check(
      lines.stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line) as Socket),
    )
  })

  test('JSON on a terminal has no control character either, and is the same document', async () => {
    const inTerminal = 'import os,pty,sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'
    const { stdout, code } = await inNetns(ns, ['python3', '-c', inTerminal, NETKIT, 'ss', '-lp', '--json'])
    expect(code).toBe(0)
    expect(CONTROLS.exec(stdout.replaceAll('\r\n', '\n'))).toBeNull()
    expect(stdout).not.toContain('\u202e')
    const { sockets } = JSON.parse(stdout) as SocketListing
    expect(sockets.find(({ inode }) => inode === second.inode)?.processes).toMatchObject([{ name: second.comm }])
  })

  test('counting by process keeps the name in JSON', async () => {
    const { stdout } = await netkitIn(ns, ['-tl', '--count-by', 'process', '--json'])
    const { counts } = JSON.parse(stdout) as { counts: { process: unknown; count: number }[] }
    expect(JSON.stringify(counts)).toContain(JSON.stringify(HOSTILE_COMM).slice(1, -1))
    const own = counts.find(({ process }) => JSON.stringify(process).includes('[31mR'))
    expect(own?.count).toBe(1)
  })

  test('a filter finds the process by its name', async () => {
    const words = ['comm', '=', `"${HOSTILE_COMM}"`]
    const { sockets } = await listing(ns, ['-tl', ...words])
    expect(sockets.map(({ inode }) => inode)).toEqual([named.inode])
    const { stdout } = await netkitIn(ns, ['-Htlp', ...words])
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(CONTROLS.exec(clean(stdout))).toBeNull()
    const byPid = await listing(ns, ['-tl', 'pid', '=', String(named.pid)])
    expect(byPid.sockets.map(({ inode }) => inode)).toEqual([named.inode])
  })

  test('an error quotes what was typed without its control characters', async () => {
    for (const args of [
      ['-t', 'state', '\x1b[31mred'],
      ['-t', 'src', '\x1b]0;title\x07'],
      ['--net', '\x1b[2Jnowhere'],
      ['-f', '\x9b31m'],
      ['-A', 'tcp,\x1b[31m'],
      ['-F', '/nowhere/\x1b[31m'],
    ]) {
      const { stderr, code } = await netkitIn(ns, args)
      expect(code).toBeGreaterThan(1)
      expect(CONTROLS.exec(stderr)).toBeNull()
      expect(stderr).toMatch(/\\x1b|\\u001b|\\x9b/)
    }
  })
})
