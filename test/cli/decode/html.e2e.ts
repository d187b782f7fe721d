// `netkit decode --html` as a user runs it.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { faultsOf, readPage } from '../../render/page-check.js'
import { ROOT, runNetkit } from '../run.js'

let folder = ''
let capture = ''
const MAKER = fileURLToPath(new URL('bench/make-capture.mjs', `file://${ROOT}/`))

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nk-html-'))
  capture = join(folder, 'made.pcap')
  execFileSync(process.execPath, [MAKER, capture, '--packets', '3000', '--flows', '60'], { stdio: 'ignore' })
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const decode = (...args: string[]) => runNetkit(['decode', ...args])

test('the page is written beside what is printed, and says the same', async () => {
  const path = join(folder, 'page.html')
  const plain = await decode(capture)
  const { stdout, stderr, code } = await decode(capture, '--html', path)
  expect({ stdout, code }).toEqual({ stdout: plain.stdout, code: 0 })
  expect(stderr).toMatch(/^netkit: wrote .*page\.html\n$/)
  const elements = readPage(readFileSync(path, 'utf8'))
  expect(faultsOf(elements)).toEqual([])
  const flows = /^flows +(.*)$/m.exec(plain.stdout)![1]!
  const facts = elements.filter(({ name }) => name === 'dd').map(({ text }) => text)
  expect(facts.some(text => text.startsWith(flows))).toBe(true)
  expect(elements.filter(({ name }) => name === 'section')).toHaveLength(24)
})

test('JSON and lines of JSON are the same with a page as without', async () => {
  for (const form of ['--json', '--ndjson', '--csv', '--explain', '--packets']) {
    const path = join(folder, `page${form}.html`)
    const [plain, paged] = [await decode(capture, form), await decode(capture, form, '--html', path)]
    expect({ form, same: paged.stdout === plain.stdout, code: paged.code }).toEqual({
      form,
      same: true,
      code: plain.code,
    })
    expect(faultsOf(readPage(readFileSync(path, 'utf8')))).toEqual([])
  }
})

test('a selection is of the page too', async () => {
  const path = join(folder, 'one.html')
  expect((await decode(capture, '--flow', '3', '--html', path)).code).toBe(0)
  const sections = readPage(readFileSync(path, 'utf8')).filter(({ name }) => name === 'section')
  expect(sections.map(({ attributes }) => attributes['id'])).toEqual(['flow-3'])
})

test('flows by what became of them are drawn whole', async () => {
  const path = join(folder, 'refused.html')
  expect((await decode(capture, '--outcome', 'refused', '--html', path)).code).toBe(0)
  const elements = readPage(readFileSync(path, 'utf8'))
  const captions = elements.filter(({ name }) => name === 'caption').map(({ text }) => text)
  expect(captions.length).toBeGreaterThan(0)
  expect(new Set(captions.map(text => text.replace(/ \(.*/, '')))).toEqual(new Set(['Ladder: all packets']))
})

test('a page that cannot be written is a sentence and exit 4, and nothing is left', async () => {
  const path = join(folder, 'none', 'page.html')
  const { stderr, code } = await decode(capture, '--html', path)
  expect(code).toBe(4)
  expect(stderr).toMatch(/cannot write .*page\.html: .*ENOENT/)
  expect(existsSync(join(folder, 'none'))).toBe(false)
})

test('the capture is never written over by its page', async () => {
  const before = readFileSync(capture)
  const { stderr, code } = await decode(capture, '--html', capture)
  expect(code).toBe(2)
  expect(stderr).toMatch(/--html/)
  expect(readFileSync(capture).equals(before)).toBe(true)
})

test('an empty name is refused', async () => {
  expect((await decode(capture, '--html', '')).code).toBe(2)
})

test('what is damaged is drawn up to there, exit 5', async () => {
  const cut = join(folder, 'cut.pcap')
  writeFileSync(cut, readFileSync(capture).subarray(0, -7))
  const path = join(folder, 'cut.html')
  const { code } = await decode(cut, '--html', path)
  expect(code).toBe(5)
  const elements = readPage(readFileSync(path, 'utf8'))
  expect(elements.some(({ name, attributes }) => name === 'dd' && attributes['class'] === 'error')).toBe(true)
  expect(readdirSync(folder).filter(name => name.endsWith('.part'))).toEqual([])
})
