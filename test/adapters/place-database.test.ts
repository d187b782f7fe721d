// AS numbers and places out of MaxMind DB files: what they say, in which order they are asked, and files that are none.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPlaceDatabases } from '../../src/adapters/place-database.js'
import { DecodeError, UsageError } from '../../src/errors/index.js'
import { mmdbBytes, writeMmdb } from './mmdb-file.js'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nk-mmdb-'))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const ASN = {
  '192.0.2.0/24': { autonomous_system_number: 64_500, autonomous_system_organization: 'Example, Inc.' },
  '198.51.100.128/25': { autonomous_system_number: 4_200_000_001, autonomous_system_organization: '\u001b[31mred' },
}
const CITY = {
  '192.0.2.0/24': {
    city: { names: { en: 'Zurich', de: 'Zürich' } },
    country: { iso_code: 'CH', names: { en: 'Switzerland' } },
  },
  '203.0.113.0/24': { country: { iso_code: 'CH' } },
}

function databases(): ReturnType<typeof openPlaceDatabases> {
  const paths = ['asn.mmdb', 'city.mmdb'].map(name => join(directory, name))
  writeMmdb(paths[0]!, ASN)
  writeMmdb(paths[1]!, CITY)
  return openPlaceDatabases(paths)
}

describe('databases of places', () => {
  test('answer together', () => {
    const all = databases()
    expect(all.placeOf('192.0.2.77')).toEqual({ asn: 64_500, asName: 'Example, Inc.', place: 'Zurich, Switzerland' })
    expect(all.placeOf('198.51.100.200')).toEqual({ asn: 4_200_000_001, asName: '\u001b[31mred', place: null })
    expect(all.placeOf('203.0.113.9')).toEqual({ asn: null, asName: null, place: 'CH' })
  })

  test('know nothing of an address outside of their networks, nor of IPv6 in a file of IPv4', () => {
    const all = databases()
    const nothing = { asn: null, asName: null, place: null }
    expect(all.placeOf('198.51.100.1')).toEqual(nothing)
    expect(all.placeOf('2001:db8::1')).toEqual(nothing)
    expect(all.placeOf('fe80::1%eth0')).toEqual(nothing)
  })

  test('that are not there are a fault of usage', () => {
    expect(() => openPlaceDatabases([join(directory, 'missing.mmdb')])).toThrow(UsageError)
  })

  test('that are cut anywhere are told as damaged, or still tell the truth', () => {
    const whole = mmdbBytes(ASN)
    for (let length = 0; length < whole.length; length++) {
      const path = join(directory, 'cut.mmdb')
      writeFileSync(path, whole.subarray(0, length))
      try {
        expect(openPlaceDatabases([path]).placeOf('192.0.2.1').asn).toBe(64_500)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }
  })

  test('whose bytes were overwritten fail as damaged, and in no other way', () => {
    const whole = mmdbBytes(ASN)
    const path = join(directory, 'overwritten.mmdb')
    for (let at = 0; at < whole.length; at++) {
      for (const byte of [0x00, 0x3f, 0xff]) {
        const bytes = Buffer.from(whole)
        bytes[at] = byte
        writeFileSync(path, bytes)
        try {
          openPlaceDatabases([path]).placeOf('192.0.2.1')
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }
    }
  })
})
