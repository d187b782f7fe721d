// The library as a program uses it: imported by name from the built package.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { NETKIT, ROOT, runNetkit } from '../cli/run.js'
import { addNetns, deleteNetns, describeLab, holdAllStates, inNetns } from '../lab/index.js'

describeLab("import { listSockets, streamSockets } from 'netkit'", () => {
  let ns = ''

  beforeAll(async () => {
    ns = await addNetns()
    await holdAllStates(ns)
  })

  afterAll(async () => {
    if (ns !== '') await deleteNetns(ns)
  })

  /** Runs a module that imports netkit by its name, and gives what it prints, parsed. */
  async function program<T>(body: string): Promise<T> {
    const source = `import * as netkit from 'netkit'\nconst ns = ${JSON.stringify(ns)}\n${body}`
    const { stdout, stderr } = await inNetns(null, [process.execPath, '--input-type=module', '-e', source], {
      cwd: ROOT,
    })
    expect(stderr).toBe('')
    return JSON.parse(stdout) as T
  }

  test('gives the same sockets as --json', async () => {
    const query = `{ protocols: ['tcp', 'udp', 'unix'], netns: ns, details: ['memory', 'info'], processes: true }`
    const mine = await program<{ sockets: { cookie: string }[] }>(
      `console.log(JSON.stringify(await netkit.listSockets(${query})))`,
    )
    const { stdout } = await runNetkit(['ss', '-tuxamip', '--net', ns, '--json'])
    const theirs = JSON.parse(stdout)
    expect(Object.keys(mine).sort()).toEqual(Object.keys(theirs).sort())
    expect(mine.sockets.map(each => each.cookie)).toEqual(theirs.sockets.map((each: { cookie: string }) => each.cookie))
    expect(Object.keys(mine.sockets[0]!)).toEqual(Object.keys(theirs.sockets[0]))
  })

  test('lists all states unless told otherwise', async () => {
    const states = await program<string[]>(
      `const { sockets } = await netkit.listSockets({ protocols: ['tcp'], netns: ns })
       console.log(JSON.stringify([...new Set(sockets.map(each => each.state))]))`,
    )
    expect(states).toEqual(expect.arrayContaining(['listening', 'time-wait', 'established', 'close-wait']))
  })

  test('takes families, an IP version, states, exclusions and a filter', async () => {
    const found = await program<[string[], string[], string[], string[], number]>(
      `const of = async (query, key) => [...new Set((await netkit.listSockets({ netns: ns, ...query })).sockets.map(each => each[key]))]
       console.log(JSON.stringify([
         await of({ families: ['unix'] }, 'protocol'),
         await of({ ipVersion: 6 }, 'family'),
         await of({ states: ['listening'], protocols: ['tcp'] }, 'state'),
         await of({ exclude: ['listening'], protocols: ['tcp'], ipVersion: 4 }, 'family'),
         (await netkit.listSockets({ netns: ns, filter: 'sport = :1', protocols: ['tcp'] })).sockets.length,
       ]))`,
    )
    expect(found).toEqual([['unix'], ['inet6'], ['listening'], ['inet'], 0])
  })

  test('streams the same sockets, and returns the rest of the listing', async () => {
    const { streamed, listed, rest } = await program<{ streamed: string[]; listed: string[]; rest: object }>(
      `const query = { protocols: ['tcp', 'unix'], netns: ns }
       const stream = netkit.streamSockets(query)
       const streamed = []
       let step
       while (!(step = await stream.next()).done) streamed.push(step.value.cookie)
       const listed = (await netkit.listSockets(query)).sockets.map(each => each.cookie)
       console.log(JSON.stringify({ streamed, listed, rest: step.value }))`,
    )
    expect(streamed).toEqual(listed)
    expect(Object.keys(rest).sort()).toEqual(['consistency', 'notes', 'sources'])
  })

  test('a stream that is left early ends the reading and leaves no descriptor open', async () => {
    const { before, after, seen } = await program<{ before: number; after: number; seen: number }>(
      `import { readdirSync } from 'node:fs'
       const open = () => readdirSync('/proc/self/fd').length
       await netkit.listSockets({ netns: ns, protocols: ['udp'] })
       const before = open()
       let seen = 0
       for await (const socket of netkit.streamSockets({ netns: ns })) if (++seen === 1) break
       // A read on a worker thread keeps its descriptor until it returns.
       for (let wait = 0; open() > before && wait < 50; wait++) await new Promise(resolve => setTimeout(resolve, 20))
       console.log(JSON.stringify({ before, after: open(), seen }))`,
    )
    expect(seen).toBe(1)
    expect(after).toBe(before)
  })

  test('a query that makes no sense is a UsageError with its code and exit', async () => {
    const errors = await program<{ usage: boolean; exit: number; message: string }[]>(
      `const errors = []
       for (const query of [{ protocols: ['tpc'] }, { states: ['sleeping'] }, { filter: 'dport = = 3' }, { netns: 'no-such-ns' }, { details: ['all'] }]) {
         try { await netkit.listSockets(query) } catch (error) {
           errors.push({ usage: error instanceof netkit.UsageError, exit: error.exit, message: error.message })
         }
         try { for await (const socket of netkit.streamSockets(query)) break } catch (error) { errors.push({ usage: error instanceof netkit.UsageError, exit: error.exit, message: error.message }) }
       }
       console.log(JSON.stringify(errors))`,
    )
    expect(errors).toHaveLength(10)
    for (const error of errors) expect(error).toMatchObject({ usage: true, exit: 2 })
  })

  test('loads nothing of the command line', async () => {
    const { stdout } = await inNetns(
      null,
      [
        process.execPath,
        '--input-type=module',
        '-e',
        `process.env.NODE_DEBUG = ''; await import('netkit'); console.log(JSON.stringify(process.moduleLoadList.filter(name => /oclif/.test(name))))`,
      ],
      { cwd: ROOT },
    )
    expect(JSON.parse(stdout)).toEqual([])
    expect(NETKIT).toContain('bin/run.js')
  })
})
