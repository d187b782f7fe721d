// The published JSON schemas against what netkit prints, and against the model's own keys.

import { readFileSync } from 'node:fs'
import { Ajv2020, type AnySchema, type ValidateFunction } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COUNT_KEYS } from '../../../src/sockets/count-keys.js'
import { tcpDetails } from '../../../src/sockets/details.js'
import { INET_DIAG_INFO } from '../../../src/sockets/diag/inet-diag.js'
import type {
  AcceptQueue,
  Consistency,
  Endpoint,
  Holder,
  Socket,
  SocketListing,
  SocketMemory,
  SocketOptions,
  SourceReport,
  Timer,
} from '../../../src/sockets/model.js'
import { mptcpDetails } from '../../../src/sockets/mptcp-info.js'
import { SocketRecord } from '../../../src/sockets/record.js'
import { addNetns, deleteNetns, describeLab, holdAllStates, inNetns, NOBODY } from '../../lab/index.js'
import { NETKIT, ROOT, runNetkit } from '../run.js'

interface ObjectSchema {
  properties: Record<string, ObjectSchema & { $ref?: string }>
  required: string[]
  additionalProperties: boolean
  $defs?: Record<string, ObjectSchema>
}

const read = (name: string): ObjectSchema => JSON.parse(readFileSync(`${ROOT}schemas/${name}.schema.json`, 'utf8'))
const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true })
for (const name of ['socket', 'ss', 'counts', 'error']) ajv.addSchema(read(name) as AnySchema)
const validator = (name: string): ValidateFunction => ajv.getSchema(`${name}.schema.json`)!

function expectValid(name: string, value: unknown): void {
  const validate = validator(name)
  validate(value)
  expect(validate.errors?.slice(0, 3) ?? []).toEqual([])
}

/** All keys of a type, checked by the compiler: one that is missing here or there does not compile. */
const keysOf = <Model>(keys: Record<keyof Required<Model>, true>): string[] => Object.keys(keys).sort()
const SOCKET_KEYS = keysOf<Socket>({
  protocol: true,
  family: true,
  type: true,
  state: true,
  recvQueue: true,
  sendQueue: true,
  acceptQueue: true,
  local: true,
  peer: true,
  path: true,
  peerInode: true,
  netns: true,
  interface: true,
  uid: true,
  user: true,
  inode: true,
  cookie: true,
  mark: true,
  cgroup: true,
  timer: true,
  processes: true,
  peerProcesses: true,
  memory: true,
  tcp: true,
  options: true,
  drops: true,
})

describe('the schemas have exactly the keys of the model', () => {
  const socket = read('socket')
  const ss = read('ss')
  const at = (name: string): ObjectSchema => socket.properties[name]!
  test.each<[string, ObjectSchema, string[]]>([
    ['socket', socket, SOCKET_KEYS],
    ['local', at('local'), keysOf<Endpoint>({ address: true, port: true, interface: true })],
    ['peer', at('peer'), keysOf<Endpoint>({ address: true, port: true, interface: true })],
    ['acceptQueue', at('acceptQueue'), keysOf<AcceptQueue>({ length: true, limit: true, full: true })],
    ['timer', at('timer'), keysOf<Timer>({ name: true, expiresMs: true, retransmits: true })],
    [
      'memory',
      at('memory'),
      keysOf<SocketMemory>({
        receiveAllocated: true,
        receiveBuffer: true,
        sendAllocated: true,
        sendBuffer: true,
        forwardAllocated: true,
        sendQueued: true,
        optionMemory: true,
        backlog: true,
        drops: true,
      }),
    ],
    [
      'options',
      at('options'),
      keysOf<SocketOptions>({
        tos: true,
        trafficClass: true,
        priority: true,
        v6only: true,
        shutdown: true,
        flags: true,
      }),
    ],
    ['holder', socket.$defs!['holder']!, keysOf<Holder>({ pid: true, name: true, fd: true, tid: true })],
    ['document', ss, keysOf<SocketListing>({ sources: true, sockets: true, notes: true, consistency: true })],
    [
      'source',
      ss.$defs!['source']!,
      keysOf<SourceReport>({ protocol: true, family: true, netns: true, method: true, error: true, missing: true }),
    ],
    [
      'consistency',
      ss.$defs!['consistency']!,
      keysOf<Consistency>({ passes: true, duplicatesRemoved: true, differed: true }),
    ],
  ])('%s', (name, schema, keys) => {
    expect(Object.keys(schema.properties).sort()).toEqual(keys)
    expect([...schema.required].sort()).toEqual(name === 'holder' ? ['fd', 'name', 'pid'] : keys)
    expect(schema.additionalProperties).toBe(false)
  })

  test.each([
    ['tcp', tcpDetails],
    ['mptcp', mptcpDetails],
  ] as const)('%s internals', (protocol, details) => {
    const data = new DataView(new ArrayBuffer(512))
    data.setUint16(0, 4 + 300, true)
    data.setUint16(2, INET_DIAG_INFO, true)
    const record = new SocketRecord()
    record.protocol = protocol
    record.setAttributes(data, 0, 304)
    const schema = socket.$defs![protocol]!
    expect(Object.keys(schema.properties).sort()).toEqual(Object.keys(details(record)!).sort())
    expect([...schema.required].sort()).toEqual(Object.keys(schema.properties).sort())
  })

  test('count keys', () => {
    const camel = COUNT_KEYS.map(key => key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()))
    const { group } = read('counts').$defs!
    expect(Object.keys(group!.properties).sort()).toEqual([...camel, 'count'].sort())
  })
})

describeLab('what netkit ss prints is as the schemas say', () => {
  let ns = ''

  beforeAll(async () => {
    ns = await addNetns()
    await holdAllStates(ns)
  })

  afterAll(async () => {
    if (ns !== '') await deleteNetns(ns)
  })

  const runs: string[][] = [
    ['-a'],
    ['-aimpeo', '--tos', '--inet-sockopt'],
    ['-apT'],
    ['-a', '--source', 'procfs'],
    ['-M', '-ai'],
    ['-ta', 'sport = :1'],
  ]

  test.each(runs.map(args => [args]))('--json with %j', async args => {
    const { stdout } = await inNetns(ns, [NETKIT, 'ss', '--json', ...args])
    expectValid('ss', JSON.parse(stdout))
  })

  test.each(runs.map(args => [args]))('--ndjson with %j', async args => {
    const { stdout } = await inNetns(ns, [NETKIT, 'ss', '--ndjson', ...args])
    for (const line of stdout.split('\n').filter(each => each !== '')) expectValid('socket', JSON.parse(line))
  })

  test('without privilege, and of every namespace', async () => {
    for (const uid of [0, NOBODY]) {
      const { stdout } = await runNetkit(['ss', '-ap', '--net', 'all', '--json'], { uid })
      const listing = JSON.parse(stdout)
      expect(listing.sockets.length).toBeGreaterThan(0)
      expectValid('ss', listing)
    }
  })

  test('--count-by', async () => {
    for (const args of [['state'], ['state,peer,local-port', '--top', '2'], ['process,cgroup,netns,user,interface']]) {
      const { stdout } = await inNetns(ns, [NETKIT, 'ss', '-a', '--json', '--count-by', ...args])
      const document = JSON.parse(stdout)
      expect(document.counts.length).toBeGreaterThan(0)
      expectValid('counts', document)
    }
  })

  test('errors of every kind', async () => {
    for (const args of [
      ['--state', 'sleeping'],
      ['dport = = 1'],
      ['--net', 'no-such'],
      ['--replay', '/no/file'],
      ['--replay', NETKIT],
      ['--nope'],
    ]) {
      for (const format of ['--json', '--ndjson']) {
        const { stdout, code } = await runNetkit(['ss', format, ...args])
        const error = JSON.parse(stdout)
        expectValid('error', error)
        expect(error.error.exit).toBe(code)
      }
    }
  })

  test('a key that is missing or too much is refused', async () => {
    const { stdout } = await inNetns(ns, [NETKIT, 'ss', '-ta', '--ndjson'])
    const socket = JSON.parse(stdout.split('\n')[0]!)
    const validate = validator('socket')
    expect(validate(socket)).toBe(true)
    expect(validate({ ...socket, extra: 1 })).toBe(false)
    const { cookie, ...rest } = socket
    expect(validate(rest)).toBe(false)
    expect(validate({ ...socket, cookie: `${cookie.toUpperCase()}x` })).toBe(false)
  })
})
