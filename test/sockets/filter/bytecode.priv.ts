// Every expression of the table on the same live sockets three ways: the kernel's own evaluation of the bytecode, netkit's
// evaluation in user space, and ss. The sockets and an independent sock_diag client are lab.py's, in its own namespace.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP } from '../../../src/sockets/constants.js'
import {
  type BytecodeContext,
  compileBytecode,
  compileFilter,
  EMPTY_CONTEXT,
  type FilterContext,
  parseFilter,
} from '../../../src/sockets/filter/index.js'
import type { SocketRecord } from '../../../src/sockets/record.js'
import { EXPRESSIONS } from './expressions.js'
import { audit } from './kernel.js'
import { recordFrom } from './records.js'

const LAB = new URL('lab.py', import.meta.url).pathname
const SERVICES: Readonly<Record<string, number[]>> = { ssh: [22], http: [80], https: [443] }
const TABLES = [AF_INET, AF_INET6].flatMap(family =>
  [IPPROTO_TCP, IPPROTO_UDP].map(protocol => [family, protocol] as const),
)

const has = (command: string): boolean => spawnSync(command, ['-V']).error === undefined
const missing = process.getuid?.() !== 0 ? 'root' : ['ss', 'ip', 'python3'].find(command => !has(command))
if (missing) console.warn(`skipped: filters on live sockets need ${missing}`)

interface Lab {
  pid: number
  cgroup: { path: string; id: string } | null
  interfaces: Record<string, number>
}

let child: ChildProcess
let lines: AsyncIterator<string>
let lab: Lab
let context: FilterContext
let bytecodeContext: BytecodeContext
let everything: SocketRecord[]

async function answer<T>(): Promise<T> {
  const { value, done } = await lines.next()
  if (done) throw new Error('lab.py ended early')
  return JSON.parse(value) as T
}

function ask<T>(request: object): Promise<T> {
  child.stdin!.write(`${JSON.stringify(request)}\n`)
  return answer<T>()
}

async function dump(bytes: Uint8Array | null): Promise<SocketRecord[]> {
  const records: SocketRecord[] = []
  const bytecode = bytes ? Buffer.from(bytes).toString('hex') : ''
  for (const [family, protocol] of TABLES) {
    const { rows, error } = await ask<{ rows?: string[]; error?: string }>({ dump: [family, protocol], bytecode })
    if (!rows) throw new Error(`the kernel refused ${bytecode}: ${error}`)
    for (const row of rows) records.push(recordFrom(Buffer.from(row, 'hex'), protocol === IPPROTO_TCP ? 'tcp' : 'udp'))
  }
  return records
}

const cookie = (record: SocketRecord): string => (record.cookieHigh * 2 ** 32 + record.cookieLow).toString(16)
const cookies = (records: readonly SocketRecord[]): string[] => records.map(cookie).sort()

/** The cookies of the rows that ss shows: `sk:` of its -e. */
async function askSs(expression: string): Promise<string[]> {
  const { stdout, stderr } = await ask<{ stdout: string; stderr: string }>({ ss: ['-Htuane', expression] })
  if (stderr) throw new Error(`ss refused ${expression}: ${stderr}`)
  return [...stdout.matchAll(/\bsk:([0-9a-f]+)/g)].map(match => match[1]!).sort()
}

const filled = (text: string): string =>
  text.replaceAll('CGROUP', lab.cgroup?.path ?? '').replaceAll('PID', String(lab.pid))
const parse = (text: string) => parseFilter(filled(text), name => SERVICES[name] ?? [])

describe.skipIf(missing)('filters on live sockets', () => {
  beforeAll(async () => {
    child = spawn('unshare', ['-n', 'python3', LAB], { stdio: ['pipe', 'pipe', 'inherit'] })
    lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    lab = await answer<Lab>()
    context = {
      ...EMPTY_CONTEXT,
      interfaceIndex: name => lab.interfaces[name] ?? null,
      cgroupId: path => (lab.cgroup?.path === path ? BigInt(lab.cgroup.id) : null),
      // All descriptors are the lab's; an inode of 0 has none.
      holders: inode => (inode === 0 ? null : [{ pid: lab.pid, name: 'python3', fd: 3 }]),
    }
    bytecodeContext = { ...context, netns: 0, mayUseMark: true }
    everything = await dump(null)
  })

  afterAll(async () => {
    child.stdin!.end()
    await new Promise(resolve => child.once('close', resolve))
  })

  it('has a socket in every state it wants to tell apart', () => {
    const states = new Set(everything.map(record => record.state))
    for (const state of [1, 2, 3, 5, 6, 7, 8, 10]) expect(states).toContain(state)
    expect(everything.length).toBeGreaterThan(60)
    expect(new Set(cookies(everything)).size).toBe(everything.length)
  })

  it('has more than 60 expressions to try', () => {
    expect(EXPRESSIONS.length).toBeGreaterThan(60)
  })

  it.each(EXPRESSIONS)('$text', async ({ text, ss = text, ssDiffers, exact, atLeast }) => {
    if (text.includes('CGROUP') && !lab.cgroup) return console.warn('skipped: no cgroup v2 that can be written')
    const filter = parse(text)
    const matches = compileFilter(filter, context)
    // Afresh, because TIME-WAIT and half-open sockets end while the table is tried.
    everything = await dump(null)
    const inUserSpace = cookies(everything.filter(matches))
    expect(inUserSpace.length).toBeGreaterThanOrEqual(atLeast ?? 0)

    const program = compileBytecode(filter, bytecodeContext)
    expect(program.exact).toBe(exact)
    if (program.bytes) expect(audit(program.bytes)).toBe(true)
    const fromKernel = await dump(program.bytes)
    if (exact) expect(cookies(fromKernel)).toEqual(inUserSpace)
    else expect(cookies(fromKernel)).toEqual(expect.arrayContaining(inUserSpace))
    // The filter runs again on what the kernel sends, as it does in netkit.
    expect(cookies(fromKernel.filter(matches))).toEqual(inUserSpace)

    if (ss !== null && !ssDiffers) expect(await askSs(filled(ss))).toEqual(inUserSpace)
  })

  it('splits everything between autobound and not autobound, unlike ss', async () => {
    everything = await dump(null)
    const yes = cookies(everything.filter(compileFilter(parse('autobound'), context)))
    const no = cookies(everything.filter(compileFilter(parse('not autobound'), context)))
    expect([...yes, ...no].sort()).toEqual(cookies(everything))
    const fromSs = [...(await askSs('autobound')), ...(await askSs('not autobound'))]
    expect(fromSs.length).toBeLessThan(everything.length)
  })

  it('keeps the documented precedence, where ss reads from left to right and loses rows', async () => {
    const text = 'src 127.0.0.1 or src 10.1.2.3 and dst 10.1.2.4'
    const ours = everything.filter(compileFilter(parse(text), context))
    expect((await askSs(text)).length).toBeLessThan(ours.length)
  })

  it('is refused by the kernel when a program is damaged, so the audit above is worth something', async () => {
    const bytes = compileBytecode(parse('sport = :22 or dport = :22'), bytecodeContext).bytes!
    bytes[2] = 0x16
    expect(audit(bytes)).toBe(false)
    await expect(dump(bytes)).rejects.toThrow('EINVAL')
  })

  it('takes the longest program that fits', async () => {
    const ports = Array.from({ length: 3275 }, (_, i) => 2 * i + 1).join()
    const filter = parse(`sport = ${ports}`)
    const { bytes } = compileBytecode(filter, bytecodeContext)
    expect(bytes!.length).toBeGreaterThan(65_000)
    expect(cookies(await dump(bytes))).toEqual(cookies(everything.filter(compileFilter(filter, context))))
  })
})

// strace shows the first op of a program; it asks sock_diag for the socket's protocol, so it must be in its namespace.
const DECODED: readonly (readonly [string, RegExp])[] = [
  ['sport = :22', /code=INET_DIAG_BC_S_COND, yes=16, no=20\}, \{family=AF_UNSPEC, prefix_len=0, port=22\b/],
  ['dst 10.0.0.0/8', /code=INET_DIAG_BC_D_COND, .*family=AF_INET, prefix_len=8, port=(-1|4294967295), .*"10\.0\.0\.0"/],
  ['src 127.0.0.1:80', /code=INET_DIAG_BC_S_COND, .*family=AF_INET, prefix_len=32, port=80, .*"127\.0\.0\.1"/],
  ['src 2001:db8::/32', /code=INET_DIAG_BC_S_COND, .*family=AF_INET6, prefix_len=32, port=.*"2001:db8::"/],
  ['sport >= 1000', /code=INET_DIAG_BC_S_GE, yes=8, no=12\}, \{code=INET_DIAG_BC_NOP, yes=0, no=1000\}/],
  ['dport <= 1000', /code=INET_DIAG_BC_D_LE, yes=8, no=12\}, \{code=INET_DIAG_BC_NOP, yes=0, no=1000\}/],
  ['dev = 5', /code=INET_DIAG_BC_DEV_COND, yes=8, no=12\}, 5\b/],
  ['fwmark = 0x10/0xff', /code=INET_DIAG_BC_MARK_COND, yes=12, no=16\}, \{mark=(0x10|16), mask=(0xff|255)\}/],
]
const strace = spawnSync('strace', ['-V']).error === undefined
if (!strace) console.warn('skipped: what strace decodes needs strace')

describe.skipIf(missing ?? !strace)('bytecode as strace decodes it', () => {
  it.each(DECODED)('%s', (text, decoded) => {
    const { bytes } = compileBytecode(parseFilter(text), { ...EMPTY_CONTEXT, netns: 0, mayUseMark: true })
    const dumper = ['python3', LAB, 'dump', '2', '6', Buffer.from(bytes!).toString('hex')]
    const { stderr } = spawnSync('unshare', ['-n', 'strace', '-v', '-e', 'trace=sendto,sendmsg', ...dumper], {
      encoding: 'utf8',
    })
    expect(stderr.split('\n').find(line => line.includes('INET_DIAG_REQ_BYTECODE'))).toMatch(decoded)
  })
})
