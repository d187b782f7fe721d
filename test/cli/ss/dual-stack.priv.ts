import { expect, it } from 'vitest'
import { describeLab, inNetns, spawnInNetns, withNetns } from '../../lab/index.js'
import { NETKIT } from '../run.js'

const LISTENERS = `
import json, socket, sys
def listen(family, host, port, only):
    s = socket.socket(family)
    if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
    s.bind((host, port)); s.listen(); return s
held = [listen(socket.AF_INET6, '::', 8080, 0), listen(socket.AF_INET6, '::', 8081, 1), listen(socket.AF_INET, '0.0.0.0', 8082, 0),
        listen(socket.AF_INET6, '::1', 8083, 0)]
print(json.dumps({'ready': True}), flush=True)
sys.stdin.read()
`

describeLab('listeners that serve IPv4 over an IPv6 socket', () => {
  it('are named in a note where -4 hides them, and nowhere else', async () => {
    await withNetns(async ns => {
      const holder = await spawnInNetns(ns, ['python3', '-c', LISTENERS])
      await holder.next()
      const notes = async (...args: string[]) => (await inNetns(ns, [NETKIT, 'ss', ...args])).stderr
      expect(await notes('-4', '-ltn')).toBe(
        'netkit: IPv6 sockets that receive IPv4 too are not listed with -4: tcp 8080\n',
      )
      expect(await notes('-4', '-ltn', 'sport', '=', ':8082')).toBe('')
      expect(await notes('-4', '-tn')).toBe('')
      expect(await notes('-ltn')).toBe('')
      expect(await notes('-6', '-ltn')).toBe('')
      const { stdout } = await inNetns(ns, [NETKIT, 'ss', '-4', '-ltn', '--json'])
      expect(JSON.parse(stdout).notes).toEqual([expect.stringContaining('tcp 8080')])
    })
  })
})
