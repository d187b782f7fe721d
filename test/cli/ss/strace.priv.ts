// strace as a witness of what is asked of the kernel, and as the one who lets a read fail in the middle.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeLab, inNetns, type RunResult, withNetns } from '../../lab/index.js'
import { NETKIT } from '../run.js'
import { clients, connections } from './connections.js'

/** More than the program reads before it shows the first. */
const CONNECTIONS = 4000

describeLab('netkit ss under strace', () => {
  test('a read that fails in the middle is told with its errno: exit 4, and nothing of a table that changed', async () => {
    await withNetns(async ns => {
      await clients(await connections(ns), `open ${CONNECTIONS}`)
      const failing = (...args: string[]): Promise<RunResult> =>
        inNetns(ns, [
          ...['strace', '-f', '-o', '/dev/null', '-e', 'inject=recvmmsg:error=ENOBUFS:when=1'],
          ...[process.execPath, NETKIT, 'ss', '-tan', ...args],
        ])
      const text = await failing()
      expect(text.code).toBe(4)
      expect(text.stderr).toBe(
        'netkit: not all IPv4 tcp sockets are listed, the reading broke off: ' +
          'cannot read from the kernel: no buffer space available (ENOBUFS)\n',
      )
      expect(text.stdout.split('\n').length).toBeGreaterThan(1000)
      const json = await failing('--json')
      expect(json.code).toBe(4)
      const { sources, consistency, notes } = JSON.parse(json.stdout)
      expect(sources[0]).toMatchObject({ method: 'netlink', error: { code: 'ENOBUFS' } })
      expect(consistency).toEqual({ passes: 1, duplicatesRemoved: 0, differed: false })
      expect(notes).toEqual([text.stderr.trim().replace('netkit: ', '')])
    })
  })

  test('decodes the request, and the filter in it means what was typed', async () => {
    await withNetns(async ns => {
      const place = mkdtempSync(join(tmpdir(), 'nk-strace-'))
      try {
        const trace = join(place, 'trace')
        const filter = '( sport = :22 or dport ge 1000 ) and not src 10.0.0.0/8'
        const { code } = await inNetns(ns, [
          ...['strace', '-f', '-v', '-s', '4096', '-o', trace, '-e', 'trace=sendto,sendmsg'],
          ...[process.execPath, NETKIT, 'ss', '-4tan', filter],
        ])
        expect(code).toBe(0)
        const request = readFileSync(trace, 'utf8')
          .split('\n')
          .find(line => line.includes('SOCK_DIAG_BY_FAMILY'))!
        expect(request).toContain('sdiag_family=AF_INET, sdiag_protocol=IPPROTO_TCP')
        expect(request).toContain('nla_type=INET_DIAG_REQ_BYTECODE')
        expect(request).toContain(
          '{code=INET_DIAG_BC_S_COND, yes=16, no=20}, {family=AF_UNSPEC, prefix_len=0, port=22,',
        )
        // strace takes the rest for the address of the first condition. Where each op leads: 48 accepts, 52 rejects.
        const rest = [
          '00000000', // 4 bytes of address, of any family
          '01040c00', // at 16, JMP to 28: it is port 22
          '040820000000e803', // at 20, D_GE 1000: yes 28, no 52
          '07101400', // at 28, S_COND: yes 44, no 48
          '02080000ffffffff0a000000', // AF_INET, 8 bits, any port, 10.0.0.0
          '01040800', // at 44, JMP to 52
        ].join('')
        expect(/addr="((\\x[0-9a-f]{2})*)"/.exec(request)?.[1]?.replaceAll('\\x', '')).toBe(rest)
      } finally {
        rmSync(place, { recursive: true })
      }
    })
  })
}, ['strace'])
