// AS numbers and places of addresses, from MaxMind DB files that the user has.

import fs from 'node:fs'
import { Reader, type Response } from 'mmdb-lib'
import { splitZone } from '../bytes/address.js'
import { DecodeError, fromNodeError, UsageError } from '../errors/index.js'
import type { AddressPlace, PlaceDatabase } from '../ports/places.js'

/** The largest file on the market has about 3 GB, of which a path needs nothing; city files have a tenth. */
const MOST_BYTES = 2 ** 31 - 1
/** MaxMind DB specification: zero bytes between the tree and the data. */
const SEPARATOR_BYTES = 16
const MOST_TEXT = 200

const NOWHERE: AddressPlace = { asn: null, asName: null, place: null }

/**
 * Opens the files; what one does not know of an address the next may.
 * @throws UsageError for a file that is not there; DecodeError for one that is no database; SystemCallError for one that cannot be read
 */
export function openPlaceDatabases(paths: readonly string[]): PlaceDatabase {
  const readers = paths.map(path => ({ path, reader: openReader(path) }))
  return {
    placeOf(address) {
      const found = readers.map(({ path, reader }) => placeIn(reader, path, splitZone(address)[0]))
      return found.reduce(
        (all, one) => ({
          asn: all.asn ?? one.asn,
          asName: all.asName ?? one.asName,
          place: all.place ?? one.place,
        }),
        NOWHERE,
      )
    },
  }
}

function openReader(path: string): Reader<Response> {
  const bytes = readDatabase(path)
  let reader: Reader<Response>
  try {
    reader = new Reader<Response>(bytes)
  } catch (error) {
    throw damaged(path, bytes.length, error)
  }
  const { nodeCount, searchTreeSize, ipVersion } = reader.metadata
  // The reader believes what the file says of itself.
  const isWhole = Number.isInteger(nodeCount) && nodeCount > 0 && searchTreeSize + SEPARATOR_BYTES <= bytes.length
  if (!isWhole || (ipVersion !== 4 && ipVersion !== 6)) throw damaged(path, bytes.length, null)
  return reader
}

function readDatabase(path: string): Buffer {
  try {
    const { size } = fs.statSync(path)
    if (size > MOST_BYTES) throw new UsageError(`${path} is too large to be a database of places: ${size} bytes`)
    return fs.readFileSync(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new UsageError(`there is no file ${path}`, { hints: ['check the name of the file'], cause: error })
    }
    throw fromNodeError('file-open', error, `read ${path}`)
  }
}

function placeIn(reader: Reader<Response>, path: string, address: string): AddressPlace {
  // A tree of IPv4 addresses has no others; the reader would walk out of it.
  if (address.includes(':') && reader.metadata.ipVersion === 4) return NOWHERE
  let record: unknown
  try {
    record = reader.get(address)
  } catch (error) {
    throw damaged(path, 0, error)
  }
  return placeOfRecord(record)
}

function damaged(path: string, have: number, cause: unknown): DecodeError {
  return new DecodeError(
    `${path} is no MaxMind DB file, or a damaged one`,
    { layer: 'mmdb', offset: 0, need: 0, have },
    { hints: ['fetch it again from where you have it'], cause },
  )
}

/** Country, city and ASN databases of MaxMind and those who follow its schema; whatever else is in a record is left out. */
function placeOfRecord(record: unknown): AddressPlace {
  const traits = fieldOf(record, 'traits')
  const number = fieldOf(record, 'autonomous_system_number') ?? fieldOf(traits, 'autonomous_system_number')
  const organization =
    fieldOf(record, 'autonomous_system_organization') ?? fieldOf(traits, 'autonomous_system_organization')
  const country = fieldOf(record, 'country') ?? fieldOf(record, 'registered_country')
  const where = [englishName(fieldOf(record, 'city')), englishName(country) ?? textOf(fieldOf(country, 'iso_code'))]
  const known = where.filter(part => part !== null)
  return {
    asn: typeof number === 'number' && Number.isInteger(number) && number >= 0 ? number : null,
    asName: textOf(organization),
    place: known.length === 0 ? null : known.join(', '),
  }
}

function fieldOf(record: unknown, name: string): unknown {
  return record !== null && typeof record === 'object' && Object.hasOwn(record, name)
    ? (record as Record<string, unknown>)[name]
    : undefined
}

const englishName = (record: unknown): string | null => textOf(fieldOf(fieldOf(record, 'names'), 'en'))

const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value.slice(0, MOST_TEXT) : null
