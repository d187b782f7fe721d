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
