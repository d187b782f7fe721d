// Names and addresses beside ping(8): the same words in, the same address or the same sentence out.

import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { describeLab, inNetns, withNetns } from '../lab/index.js'
import { runBundled } from './bundle.js'

const HOSTS = `127.0.0.1 localhost
127.0.0.2 canon.example alias
::1 six.example
::1 both.example
127.0.0.3 both.example
`
/** Nobody answers there, and at once: there is no route. */
const RESOLV_CONF = 'nameserver 192.0.2.53\noptions timeout:1 attempts:1\n'

const WORDS = [
  'localhost',
  'alias',
  'six.example',
  'both.example',
  'nosuch.example',
  '127.1',
  '0x7f000004',
  '127.0.0.5',
  '::1',
  'a..b',
  'a b',
  '10.256.1.1',
]

interface Answer {
  targets: { target: string; address: string }[]
  failures: { target: string; reason: string }[]
}

/** `ip netns exec` puts the files of /etc/netns/NAME over those of /etc. */
async function withFiles<T>(ns: string, fn: () => Promise<T>): Promise<T> {
  const directory = `/etc/netns/${ns}`
  const made = await mkdir(directory, { recursive: true })
  try {
    await writeFile(`${directory}/hosts`, HOSTS)
    await writeFile(`${directory}/resolv.conf`, RESOLV_CONF)
    return await fn()
  } finally {
    await rm(directory, { recursive: true })
    // What was made above it goes as well, unless another test is in it by now.
    if (made === '/etc/netns') await rmdir(made).catch(() => undefined)
  }
}

/** The address that ping probes, or its sentence. */
async function ping(ns: string, word: string, family: 4 | 6 | null): Promise<string> {
  const only = family === null ? [] : [`-${family}`]
  const { stdout, stderr } = await inNetns(ns, ['ping', '-n', '-c1', '-W1', ...only, word])
  const header = /^PING [^\n]*?\((?:[^()]*\()?([0-9a-f.:]+)\)+ /.exec(stdout)
  return header?.[1] ?? stderr.trim().replace(/^ping: /, '')
}

describeLab('targets with their addresses', () => {
  test.each([null, 4, 6] as const)('are those of ping, and so are the failures (family %s)', family =>
    withNetns(ns =>
      withFiles(ns, async () => {
        const { targets, failures } = await runBundled<Answer>(
          ['adapters/resolve.ts'],
          `return await x.resolveTargets(${JSON.stringify(WORDS)}, { family: ${family}, all: false })`,
          { ns },
        )
        const ours = new Map([
          ...targets.map(({ target, address }) => [target, address] as const),
          ...failures.map(({ target, reason }) => [target, `${target}: ${reason}`] as const),
        ])
        for (const word of WORDS) expect([word, ours.get(word)]).toEqual([word, await ping(ns, word, family)])
      }),
    ),
  )

  test('the canonical name is that in the header of ping', () =>
    withNetns(ns =>
      withFiles(ns, async () => {
        for (const word of ['alias', 'localhost']) {
          const { stdout } = await inNetns(ns, ['ping', '-4', '-c1', '-W1', word])
          const [, shown, address] = /^PING (\S+) \(([0-9.]+)\)/.exec(stdout)!
          const canonical = await runBundled<string | null>(
            ['adapters/canonical-name.ts'],
            `return await x.canonicalName('${word}', '${address}')`,
            { ns },
          )
          expect(canonical ?? word).toBe(shown)
        }
      }),
    ))
}, ['ping'])
