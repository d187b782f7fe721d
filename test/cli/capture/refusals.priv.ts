// What netkit capture refuses, and how it says so.

import { expect, test } from 'vitest'
import { withCable } from '../../adapters/capture-lab.js'
import { describeLab, inNetns, NOBODY } from '../../lab/index.js'
import { expectRefusalOf, netkitIn } from '../acceptance.js'

describeLab('what netkit capture refuses', () => {
  test('without permission, an interface that is not there, a filter that is none', async () => {
    await withCable(async (_, far) => {
      const permission = await expectRefusalOf(
        far,
        ['capture', '-i', 'v1'],
        3,
        /cannot capture on v1: operation not permitted/,
        {
          uid: NOBODY,
        },
      )
      expect(permission.hints.join('\n')).toMatch(/net_raw/)
      const near = await expectRefusalOf(far, ['capture', '-i', 'v11'], 2, /there is no interface v11$/)
      expect(near.hints[0]).toBe('did you mean v1?')
      // The words behind the expression are libpcap's own: tcpdump prints the same.
      const words = ['tcp', 'prt', '80']
      const { stderr } = await inNetns(far, ['tcpdump', '-i', 'v1', '-d', ...words])
      const [, reason] = /^tcpdump: (.*)$/m.exec(stderr)!
      const refused = await expectRefusalOf(
        far,
        ['capture', '-i', 'v1', ...words],
        2,
        /the capture filter "tcp prt 80" is not understood/,
      )
      expect(refused.message.endsWith(`: ${reason}`)).toBe(true)
    })
  }, 120_000)

  test.each([
    [['-c', '0'], /--count is a whole number, 1 or more, not 0$/],
    [['--duration', 'soon'], /--duration is a time such as .*, not soon$/],
    [['-s', '300000'], /--snaplen is a number of bytes from 0 to 262144, not 300000$/],
    [['--keep', '3'], /how many files are kept means nothing when there is only one$/],
    [['--rotate-size', '1M'], /there is no file to be rotated$/],
    [['-w', '-', '--rotate-size', '1M'], /standard output cannot be written in several files$/],
    [['--quiet', '--packets'], /--packets and --quiet exclude each other$/],
    [['-w', '-', '--packets'], /standard output gets the capture with --write -/],
    [['-i', 'lo', '--sorce', 'cap'], /has no option --sorce/],
  ])('%j', async (args, sentence) => {
    const { code, stdout, stderr } = await netkitIn(null, ['capture', ...args])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr.split('\n')[0]).toMatch(sentence)
  })

  test.each([
    [['-r', 'x.pcap'], '-r', 'to read a file: netkit decode FILE'],
    [['-nnvv'], '-v in -nnvv', 'for all that is known of each packet: --packets --ndjson'],
    [['-A'], '-A', 'what packets hold is not printed: --write OUT.pcap, then tcpdump -A -r OUT.pcap'],
    [['-e'], '-e', 'link-layer addresses are not printed: --write OUT.pcap, then tcpdump -e -r OUT.pcap'],
    [['-S'], '-S', 'for sequence numbers as they were sent: --packets --ndjson'],
    [['-w', 'x.pcap', '-C', '1'], '-C', 'for a new file by size: --rotate-size 100M'],
  ])("tcpdump's %j: what to type instead", async (args, option, habit) => {
    const { code, stdout, stderr } = await netkitIn(null, ['capture', ...args])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toBe(`netkit: netkit capture has no option ${option}\n  ${habit}\n`)
  })

  test("tcpdump's -n, -l and -U are what is done anyway, in a bundle too; an empty filter is none", async () => {
    await withCable(async (_, far) => {
      const { code, stdout, stderr } = await netkitIn(far, ['capture', '-nnlUqi', 'v1', '--duration', '50ms', ' '])
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('capturing on v1, no filter;') })
      expect(stdout).not.toMatch(/^filter/m)
    })
  })

  test('packets one a line go with --ndjson and not into one document', async () => {
    await expect(netkitIn(null, ['capture', '--packets', '--json'])).resolves.toMatchObject({ code: 2, stderr: '' })
  })

  test('lists interfaces', async () => {
    await withCable(async (_, far) => {
      const { stdout } = await netkitIn(far, ['capture', '-D'])
      expect(stdout).toMatch(/^ +\d+ {2}v1 +192\.0\.2\.2\/24, 2001:db8::2\/64/m)
      expect(stdout).toMatch(/^ +0 {2}any +all interfaces$/m)
      const { interfaces } = JSON.parse((await netkitIn(far, ['capture', '-D', '--json'])).stdout) as {
        interfaces: { name: string; index: number }[]
      }
      expect(interfaces.map(({ name }) => name)).toEqual(['lo', 'v1', 'any'])
    })
  })
}, ['tcpdump'])
