import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { isLoadFailure, loadNative } from '../../src/adapters/native.js'

describe('loading the native socket', () => {
  const directories: string[] = []
  const emptyRoot = (): string => {
    const root = mkdtempSync(join(tmpdir(), 'netkit-native-'))
    directories.push(root)
    return root
  }
  const reason = (root?: string): string => {
    const loaded = loadNative(root)
    return isLoadFailure(loaded) ? loaded.reason : ''
  }
  afterEach(() => {
    vi.unstubAllEnvs()
    for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
  })

  it('is switched off by NETKIT_NATIVE=off', () => {
    vi.stubEnv('NETKIT_NATIVE', 'off')
    expect(reason()).toContain('NETKIT_NATIVE=off')
  })

  it('says what to type where nothing was built', () => {
    const root = emptyRoot()
    expect(reason(root)).toBe(
      `the native socket ${join(root, `prebuilds/linux-${process.arch}/netkit.node`)} is missing: ` +
        'in a clone, npm run build makes it',
    )
  })

  it('tells in one line why a file does not load, and looks at both places', () => {
    const root = emptyRoot()
    for (const place of [`prebuilds/linux-${process.arch}`, 'native/build/Release']) {
      mkdirSync(join(root, place), { recursive: true })
      writeFileSync(join(root, place, 'netkit.node'), 'not a shared object\n')
    }
    expect(reason(root)).toMatch(/^the native socket does not load: .*prebuilds.*; .*native\/build\/Release.*$/)
  })

  it('finds the package by itself, and loads the same addon twice', ({ skip }) => {
    const first = loadNative()
    if (isLoadFailure(first)) return skip(first.reason)
    expect(loadNative()).toBe(first)
    expect(first.structSizes['nlmsghdr']).toBe(16)
  })
})
