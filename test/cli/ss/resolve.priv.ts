// `netkit ss -r` as it is installed: /etc/hosts is read, and name servers that cannot be reached are said.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseHosts } from '../../../src/adapters/reverse-dns.js'
import { describeLab, inNetns, withNetns } from '../../lab/index.js'
import { NETKIT } from '../run.js'

const LISTEN = `
import socket, sys, time
held = []
for host in ('127.0.0.1', '127.200.200.200'):
    sock = socket.socket()
    sock.bind((host, 7000))
    sock.listen()
    held.append(sock)
import subprocess
for args in (['-tlnr'], ['-tlr', '--count-by', 'local'], ['-tlr', '--json'], ['-tln', 'src', 'localhost']):
    done = subprocess.run([sys.argv[1], 'ss', *args], capture_output=True, text=True)
    print(done.returncode, done.stdout, done.stderr, sep='\\n', end='\\n---\\n')
`

describeLab('-r', () => {
  test('shows names of /etc/hosts, and says for how many addresses nobody answered', () =>
    withNetns(async ns => {
      const name = parseHosts(readFileSync('/etc/hosts', 'utf8')).get('127.0.0.1') ?? '127.0.0.1'
      const { stdout } = await inNetns(ns, ['python3', '-c', LISTEN, NETKIT])
      const [table, counts, document, filtered] = stdout.split('\n---\n')
      expect(table).toContain(`${name}:7000 `)
      expect(table).toMatch(/ 127\.200\.200\.200:7000 /)
      expect(table).toMatch(/netkit: 1 of 2 addresses are shown as numbers: no name server answered/)
      expect(counts).toMatch(new RegExp(`^${name} +1$`, 'm'))
      // Data keeps the addresses, and nobody is asked.
      expect(document).toContain('"address":"127.0.0.1"')
      expect(document).not.toContain('name server')
      // A host name in a filter, from the bundle too.
      expect(filtered).toMatch(/^0\n.*\n.* 127\.0\.0\.1:7000 .*\n\n$/)
    }))
})
