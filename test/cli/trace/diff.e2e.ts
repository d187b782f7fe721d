// `netkit trace diff` as a user runs it: out of the bundle and through stock oclif, as text and as JSON, and what it exits with.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv2020, type AnySchema } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Hop, TraceDocument } from '../../../src/probe/trace-document.js'
import { document, HOSTILE, hop, responder, SHOWN_HOSTILE, target } from '../../render/trace-documents.js'
import { runNetkit } from '../run.js'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nk-diff-'))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const read = (name: string): AnySchema =>
  JSON.parse(readFileSync(new URL(`../../../schemas/${name}.schema.json`, import.meta.url), 'utf8'))
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true })
for (const name of ['trace', 'trace-diff']) ajv.addSchema(read(name))

function save(name: string, hops: readonly Hop[], fields: Partial<TraceDocument> = {}): string {
  const file = join(directory, name)
  writeFileSync(file, JSON.stringify(document(hops, fields)))
  return file
}

describe.each([
  ['the bundle', undefined],
  ['stock oclif', '1'],
])('netkit trace diff out of %s', (_, stock) => {
  const diff = (...args: string[]) => runNetkit(['trace', 'diff', ...args], { env: { NETKIT_STOCK: stock } })

  test('exits 0 for the same path', async () => {
    const file = save('same.json', [hop(1, [responder('10.0.0.1')]), hop(2, [target()])])
    const { stdout, stderr, code } = await diff(file, file)
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
    expect(stdout).toMatch(/same/)
  })

  test('exits 1 for another, and names the hop', async () => {
    const before = save('before.json', [hop(1, [responder('10.0.0.1')]), hop(2, [target()])])
    const after = save('after.json', [hop(1, [responder('10.0.0.9')]), hop(2, [target()])])
    const { stdout, stderr, code } = await diff(before, after)
    expect({ stderr, code }).toEqual({ stderr: '', code: 1 })
    expect(stdout).toMatch(/hop 1.*10\.0\.0\.1.*10\.0\.0\.9/)
    const json = await diff('--json', before, after)
    expect({ stderr: json.stderr, code: json.code }).toEqual({ stderr: '', code: 1 })
    const validate = ajv.getSchema('trace-diff.schema.json')!
    expect(validate(JSON.parse(json.stdout))).toBe(true)
    expect(JSON.parse(json.stdout)).toMatchObject({
      changedHops: [{ ttl: 1, before: ['10.0.0.1'], after: ['10.0.0.9'] }],
    })
  })

  test('exits 2 for what is no trace, and lets nothing of it reach the terminal', async () => {
    const file = join(directory, 'bad.json')
    writeFileSync(file, `{"hops":"${'x\\u001b[31m'.repeat(3)}"}`)
    const { stdout, stderr, code } = await diff(file, file)
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 })
    expect(stderr).toContain('bad.json')
    expect(stderr).not.toMatch(/[\x00-\x09\x0b-\x1f]/)
  })

  test('makes what a file holds printable', async () => {
    const before = save('plain.json', [hop(1, [target()])])
    const after = save('hostile.json', [hop(1, [responder(HOSTILE)])], { target: HOSTILE })
    const { stdout, code } = await diff(before, after)
    expect(code).toBe(1)
    expect(stdout).toContain(SHOWN_HOSTILE)
    expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
  })

  test('has help', async () => {
    const { stdout, code } = await diff('--help')
    expect(code).toBe(0)
    expect(stdout).toMatch(/netkit trace diff/)
  })
})

test('flags may stand before the word diff', async () => {
  const file = save('one.json', [hop(1, [target()])])
  const { stdout, code } = await runNetkit(['trace', '--json', 'diff', file, file])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ changedHops: [] })
})

test('a trace may come by standard input', async () => {
  const file = save('two.json', [hop(1, [target()])])
  const { stdout, stderr, code } = await runNetkit(['trace', 'diff', '-', file], { input: readFileSync(file, 'utf8') })
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
  expect(stdout).toMatch(/same/)
  const bad = await runNetkit(['trace', 'diff', file, '-'], { input: '' })
  expect(bad.stderr).toMatch(/^netkit: standard input holds no trace/)
})

test('what never ends is no trace, whatever its size is said to be', async () => {
  const { stderr, code } = await runNetkit(['trace', 'diff', '/dev/zero', save('zero.json', [hop(1, [target()])])])
  expect({ stderr, code }).toEqual({
    stderr: 'netkit: /dev/zero holds no trace: it is longer than 64 MiB\n',
    code: 2,
  })
})

test('a letter in the other case is suggested', async () => {
  const { stderr, code } = await runNetkit(['trace', '-p', '80', '127.0.0.1'])
  expect(code).toBe(2)
  expect(stderr).toMatch(/did you mean -P, --port\?/)
})
