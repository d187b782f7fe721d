import { expect, it } from 'vitest'
import { describeLab, holdAllStates, inNetns, withNetns } from '../../lab/index.js'
import { NETKIT } from '../run.js'

const words = (text: string): string[] =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.trim().split(/\s+/).slice(0, 5).join(' '))
    .sort()

describeLab('sockets that are never connected', () => {
  it('are listed where they are named, without -a, as ss does', async () => {
    await withNetns(async ns => {
      await holdAllStates(ns)
      for (const args of [['-0'], ['-f', 'link'], ['-0u']]) {
        const ours = words((await inNetns(ns, [NETKIT, 'ss', '-Hn', ...args])).stdout)
        const theirs = words((await inNetns(ns, ['ss', '-Hn', ...args])).stdout)
        expect(ours.length).toBeGreaterThan(0)
        expect(ours.map(line => line.split(' ')[0])).toEqual(theirs.map(line => line.split(' ')[0]))
      }
      const netlink = await inNetns(ns, [NETKIT, 'ss', '-Hn', '-f', 'netlink'])
      expect(words(netlink.stdout).length).toBeGreaterThan(0)
    })
  })

  it('unix sockets show their memory with -m, number for number as ss does', async () => {
    await withNetns(async ns => {
      await holdAllStates(ns)
      const memory = async (...argv: string[]) =>
        ((await inNetns(ns, argv)).stdout.match(/skmem:\([^)]*\)/g) ?? [])
          .map(text => text.replace(/[,)]d\d+\)?$/, ''))
          .sort()
      const ours = await memory(NETKIT, 'ss', '-Hxam')
      expect(ours.length).toBeGreaterThan(3)
      expect(ours).toEqual(await memory('ss', '-Hxam'))
    })
  })
})
