// Must show 8: sockets of other network namespaces, one or all of them, as root and as nobody.

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Socket, SocketListing } from '../../../src/sockets/model.js'
import { addNetns, deleteNetns, describeLab, type NamedProcess, NOBODY, processNamed } from '../../lab/index.js'
import { expectRefusal, listing, netkitIn, pidsOf } from './acceptance.js'

describeLab('netkit ss in other network namespaces', () => {
  const names: string[] = []
  const listeners: NamedProcess[] = []
  beforeAll(async () => {
    for (let index = 0; index < 3; index++) {
      const ns = await addNetns()
      names.push(ns)
      listeners.push(await processNamed(ns, `nk-acc-${index}`, index === 1 ? '::1' : '127.0.0.1'))
    }
  })
  afterAll(() => Promise.all(names.map(deleteNetns)))

  const ours = (sockets: readonly Socket[]): Socket[] =>
    sockets.filter(({ inode }) => listeners.some(listener => listener.inode === inode))

  test('--net all as root finds each listener, labelled and with its owner', async () => {
    const { sockets } = await listing(null, ['-tlp', '--net', 'all'])
    const found = ours(sockets)
    expect(found).toHaveLength(3)
    for (const [index, { inode, pid, port, comm }] of listeners.entries()) {
      const socket = found.find(each => each.inode === inode)!
      expect(socket).toMatchObject({
        netns: names[index],
        state: 'listening',
        local: { port },
        acceptQueue: { limit: 8 },
      })
      expect(socket.processes).toMatchObject([{ pid, name: comm }])
    }
    const { stdout, code } = await netkitIn(null, ['-tlnp', '--net', 'all'])
    expect(code).toBe(0)
    const lines = stdout.split('\n').map(line => line.trim().split(/\s+/))
    expect(lines[0]?.slice(0, 4)).toEqual(['Netns', 'State', 'Recv-Q', 'Send-Q'])
    for (const [index, { port, pid }] of listeners.entries()) {
      const own = lines.filter(fields => fields[0] === names[index])
      expect(own).toHaveLength(1)
      expect(own[0]![4]).toBe(index === 1 ? `[::1]:${port}` : `127.0.0.1:${port}`)
      expect(own[0]!.join(' ')).toContain(`pid=${pid},`)
    }
  })

  test('--net all as nobody finds them too, and says what it cannot know', async () => {
    const { stdout, stderr, code } = await netkitIn(null, ['-tl', '--net', 'all', '--json'], { uid: NOBODY })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { sockets, notes, sources } = JSON.parse(stdout) as SocketListing
    const found = ours(sockets)
    expect(found).toHaveLength(3)
    for (const socket of found) {
      const index = listeners.findIndex(({ inode }) => inode === socket.inode)
      // A process in it is all that nobody can see: which name of /run/netns is its namespace's the kernel hides.
      expect(socket.netns).toBe(`${listeners[index]!.comm}/${listeners[index]!.pid}`)
      expect(socket).toMatchObject({
        local: { port: listeners[index]!.port },
        cookie: null,
        acceptQueue: { limit: null },
      })
      const source = sources.find(each => each.netns === socket.netns && each.family === socket.family)
      expect(source).toMatchObject({ method: 'procfs' })
    }
    const unlisted = notes.find(note => note.includes('this user may not see which processes are in'))
    for (const name of names) expect(unlisted).toContain(name)
    expect(notes.join('\n')).toMatch(/read from procfs .*does not know: .*acceptQueue\.limit/)
    const text = await netkitIn(null, ['-tlnp', '--net', 'all'], { uid: NOBODY })
    expect(text.code).toBe(0)
    for (const { port } of listeners) expect(text.stdout).toMatch(new RegExp(`\\S+ +LISTEN +0 +\\? +\\S+:${port} `))
    expect(text.stderr).toMatch(/^netkit: .*\d+ processes of other users could not be read/m)
    expect(text.stderr).toMatch(/^netkit: .*read from procfs/m)
  })

  test('one namespace by name, by path and by a process in it, as root and as nobody', async () => {
    for (const [index, { inode, pid }] of listeners.entries()) {
      const ns = names[index]!
      for (const spec of [ns, `/run/netns/${ns}`, `/proc/${pid}/ns/net`, String(pid)]) {
        const { sockets } = await listing(null, ['-tlp', '--net', spec])
        expect(sockets.map(socket => socket.inode)).toEqual([inode])
        expect(pidsOf(sockets[0]!.processes)).toEqual([pid])
        expect(sockets[0]!.netns).not.toBeNull()
        const short = await listing(null, ['-tlp', '-N', spec])
        expect(short.sockets).toEqual(sockets)
      }
      const byPid = await listing(null, ['-tl', '--netns', String(pid)], { uid: NOBODY })
      expect(byPid.sockets.map(socket => socket.inode)).toEqual([inode])
      // Which processes are in a namespace the kernel hides from other users: nothing is guessed.
      const { hints } = await expectRefusal(null, ['-tl', '--netns', ns], 3, new RegExp(`cannot list .*${ns}`), {
        uid: NOBODY,
      })
      expect(hints.join(' ')).toMatch(/root/)
    }
  })

  test('the namespace that the program is in is read as without --net', async () => {
    const { sockets } = await listing(names[0]!, ['-tl', '--net', 'all'])
    const own = sockets.find(({ inode }) => inode === listeners[0]!.inode)
    expect(own).toMatchObject({ acceptQueue: { limit: 8 } })
    expect(ours(sockets)).toHaveLength(3)
  })

  test('filters and counts go through all namespaces', async () => {
    const { sockets } = await listing(null, ['-tl', '--net', 'all', `netns = ${names[1]}`])
    expect(sockets.map(({ inode }) => inode)).toEqual([listeners[1]!.inode])
    const { stdout } = await netkitIn(null, ['-tl', '--net', 'all', '--count-by', 'netns', '--json'])
    const { counts } = JSON.parse(stdout) as { counts: { netns: string; count: number }[] }
    for (const ns of names) expect(counts.filter(({ netns }) => netns === ns)).toEqual([{ netns: ns, count: 1 }])
  })

  test('a namespace that cannot be listed at all is an error, not an empty table', async () => {
    const empty = await addNetns()
    try {
      // No process is in it, and nobody may not enter it.
      const error = await expectRefusal(null, ['-t', '--net', empty], 3, new RegExp(`cannot list .*${empty}`), {
        uid: NOBODY,
      })
      expect(error.hints.join(' ')).toMatch(/root/)
      expect((await listing(null, ['-t', '--net', empty])).sockets).toEqual([])
    } finally {
      await deleteNetns(empty)
    }
  })
})
