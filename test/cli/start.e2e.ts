// The ways into netkit: sh launcher, links, bundle or stock oclif, and who may write the code cache.

import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { NETKIT, ROOT, type RunOptions, runNetkit, shell } from './run.js'

const isRoot = process.geteuid?.() === 0
const NOBODY = 65534

const places: string[] = []

function temporary(): string {
  const place = mkdtempSync(join(tmpdir(), 'netkit-start-'))
  chmodSync(place, 0o755)
  places.push(place)
  return place
}

afterEach(() => {
  for (const place of places.splice(0)) rmSync(place, { recursive: true, force: true })
})

describe('bin/run.js', () => {
  it('starts from sh and from node with the same words, blanks and quotes included', async () => {
    const word = 'it\'s "x" $HOME  *'
    const args = [word, 'b c']
    const fromSh = await runNetkit(args)
    expect(fromSh).toMatchObject({ code: 2, stdout: '' })
    expect(fromSh.stderr).toContain(`there is no command ${word}\n`)
    expect(await runNetkit([NETKIT, ...args], { program: process.execPath })).toEqual(fromSh)
  })

  it('starts through a link in PATH, from any directory', async () => {
    const place = temporary()
    symlinkSync(NETKIT, join(place, 'netkit'))
    const { stdout, code } = await shell('cd / && netkit --version', { PATH: `${place}:${process.env['PATH']}` })
    expect({ stdout, code }).toEqual({ stdout: expect.stringMatching(/^netkit\/\d/), code: 0 })
  })

  it('does not make Node parse extra CA certificates', async () => {
    const { stderr } = await runNetkit(['--version'], { env: { NODE_EXTRA_CA_CERTS: '/no/such/file' } })
    expect(stderr).toBe('')
  })

  it('says what to type when netkit has not been built', async () => {
    const place = temporary()
    cpSync(join(ROOT, 'bin'), join(place, 'bin'), { recursive: true })
    expect(await runNetkit(['ss'], { program: join(place, 'bin/run.js') })).toEqual({
      stdout: '',
      stderr: 'netkit: netkit has not been built yet\n  npm run build\n',
      code: 4,
      signal: null,
    })
  })
})

describe('the bundle behaves as stock oclif does', () => {
  it.each<[string[], RunOptions?]>([
    [['ss', '--help']],
    [['ss', '-h']],
    [['help', 'ss']],
    [['ss', '-tan', '--no-such-flag']],
    [['ss', '--no-such-flag', '--json']],
    [['ss', '-t9']],
    [['ss', '--json', '--ndjson']],
    [['ss', '--state']],
    [['ss', '--state=no-such-state']],
    [['ss', '--state=no-such-state', '--json']],
    [['ss', '-H', 'dport', '=', ':1', 'and', 'sport', '=', ':1']],
    [['ss', '--json', 'dport', '=', ':1', 'and', 'sport', '=', ':1']],
    [['ss', '--help'], { env: { FORCE_COLOR: '1' } }],
    [['--help']],
    [['--version']],
    [['-V']],
    [[]],
    [['sss']],
    [['sss', '--json']],
    [['--no-such-flag']],
  ])('%j', async (args, options = {}) => {
    const [bundle, stock] = await Promise.all([
      runNetkit(args, options),
      runNetkit(args, { ...options, env: { ...options.env, NETKIT_STOCK: '1' } }),
    ])
    // How often a table is read is the machine's matter: a dump that took long is looked at twice.
    const plain = ({ stdout, ...rest }: typeof bundle) => ({
      ...rest,
      stdout: stdout.replace(/"passes":\d+/, '"passes":0'),
    })
    expect(plain(bundle)).toEqual(plain(stock))
  })
})

describe('the code cache', () => {
  /** A package with only what a start reads, so that its cache can be spoilt. */
  function copy(): { dist: string; run: (options?: RunOptions) => ReturnType<typeof runNetkit> } {
    const place = temporary()
    for (const part of ['bin', 'dist', 'package.json', 'oclif.manifest.json']) {
      // Programs of other tests write caches and rename them meanwhile.
      cpSync(join(ROOT, part), join(place, part), { recursive: true, filter: file => !file.includes('.cache') })
    }
    symlinkSync(join(ROOT, 'node_modules'), join(place, 'node_modules'))
    const dist = join(place, 'dist')
    for (const name of caches(dist)) rmSync(join(dist, name))
    const run = (options?: RunOptions) =>
      runNetkit(['ss', '--help'], { program: join(place, 'bin/run.js'), ...options })
    return { dist, run }
  }

  const caches = (dist: string) => readdirSync(dist).filter(name => name.includes('.cache'))

  /** The inode tells whether the cache was used or written anew. */
  const inode = (dist: string) => statSync(join(dist, caches(dist)[0]!)).ino

  it('is written by the first run, readable by all and writable by its owner only, and kept by the next', async () => {
    const { dist, run } = copy()
    await run()
    const [id] = readFileSync(join(dist, 'bundle-ss.cjs'), 'latin1').slice(2).split('\n', 1)
    expect(caches(dist)).toEqual([`bundle-ss-${process.version}-${process.arch}-${id}.cache`])
    expect(statSync(join(dist, caches(dist)[0]!)).mode & 0o777).toBe(0o644)
    const first = inode(dist)
    await run()
    expect(inode(dist)).toBe(first)
  })

  it.each([
    ['writable by others', (file: string) => chmodSync(file, 0o646)],
    ['writable by the group', (file: string) => chmodSync(file, 0o664)],
  ])('is not used and replaced when %s', async (_, spoil) => {
    const { dist, run } = copy()
    await run()
    const first = inode(dist)
    spoil(join(dist, caches(dist)[0]!))
    expect((await run()).code).toBe(0)
    expect(inode(dist)).not.toBe(first)
  })

  it.runIf(isRoot)('is not used by root when another user owns it', async () => {
    const { dist, run } = copy()
    await run()
    const first = inode(dist)
    chownSync(join(dist, caches(dist)[0]!), NOBODY, NOBODY)
    expect((await run()).code).toBe(0)
    expect(inode(dist)).not.toBe(first)
    expect(statSync(join(dist, caches(dist)[0]!)).uid).toBe(0)
  })

  it.runIf(isRoot)(
    'is not written by root into a directory of another user, nor by that user into one of root',
    async () => {
      const { dist, run } = copy()
      chownSync(dist, NOBODY, NOBODY)
      expect((await run()).code).toBe(0)
      expect(caches(dist)).toEqual([])
      chownSync(dist, 0, 0)
      expect((await run({ uid: NOBODY })).code).toBe(0)
      expect(caches(dist)).toEqual([])
    },
  )

  it('is not written into a directory that others may write', async () => {
    const { dist, run } = copy()
    chmodSync(dist, 0o777)
    expect((await run()).code).toBe(0)
    expect(caches(dist)).toEqual([])
  })

  it('of another bundle is not used, whatever its time and length, and goes', async () => {
    const { dist, run } = copy()
    await run()
    const [former] = caches(dist)
    const bundle = join(dist, 'bundle-ss.cjs')
    const text = readFileSync(bundle, 'latin1')
    // As a package of another version would be laid over it: same length, and the time that npm stamps.
    writeFileSync(bundle, `//${'0'.repeat(16)}${text.slice(18)}`, 'latin1')
    utimesSync(bundle, 1, 1)
    expect((await run()).code).toBe(0)
    expect(caches(dist)).toHaveLength(1)
    expect(caches(dist)).not.toContain(former)
  })

  it('that is damaged costs nothing but time', async () => {
    const { dist, run } = copy()
    const sound = await run()
    const file = join(dist, caches(dist)[0]!)
    execFileSync('truncate', ['-s', '1000', file])
    expect(await run()).toEqual(sound)
    expect(statSync(file).size).toBeGreaterThan(1000)
  })
})

it('the manifest in the repository is current', () => {
  expect(existsSync(join(ROOT, 'oclif.manifest.json'))).toBe(true)
  execFileSync(process.execPath, [join(ROOT, 'scripts/manifest.mjs'), '--check'])
})
