// Makes a capture of TCP connections for benchmarks: the same bytes for the same options, several million packets a second.
//
//   node bench/make-capture.mjs FILE [--packets N] [--flows N] [--concurrent N] [--snaplen N] [--segment N] [--format pcap|pcapng]
//   node bench/make-capture.mjs - --scan N        a SYN to each of N ends, as a port scan sends them
//
// Connections of Linux hosts, --concurrent of them (1000) at a time, their packets mixed at random: handshakes with the usual
// options, a request, segments of --segment bytes (a third of them half of that) with an acknowledgment for every two, 1 % of the
// segments sent again 210 ms later, and endings: FINs of either side (8 of 10), a reset by the server (1 of 10) or the client (1 of
// 20), nothing (1 of 40); 1 of 40 is refused. All checksums are right. `-` is standard output.

import { closeSync, openSync, writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const FIN = 0x01
const SYN = 0x02
const RST = 0x04
const PSH = 0x08
const ACK = 0x10

const ETHERNET = 14
const IP = 20
/** Of a SYN: MSS, SACK permitted, time stamps, NOP, window scale. Of the others: NOP, NOP, time stamps. */
const SYN_HEADER = 40
const HEADER = 32
const BUFFER_BYTES = 4 << 20
const FILLER = 0x78
const RESEND_US = 210_000
const START_SECONDS = 1_700_000_000

/** Steps of a connection; data comes in between. */
const OPEN_SYN = 0
const OPEN_SYN_ACK = 1
const OPEN_ACK = 2
const REQUEST = 3
const DATA = 4
const CLOSE = 5

/** xorshift32: integers below 2^32. */
function randomSource(seed) {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** Writes frames as records of a capture file. */
class CaptureWriter {
  #buffer = Buffer.alloc(BUFFER_BYTES)
  #view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, BUFFER_BYTES)
  #length = 0
  #fd
  #snaplen
  #isPcapng
  bytes = 0
  packets = 0

  constructor(fd, snaplen, format) {
    this.#fd = fd
    this.#snaplen = snaplen
    this.#isPcapng = format === 'pcapng'
    const view = this.#view
    if (this.#isPcapng) {
      // Section header, then one interface (Ethernet, microseconds).
      const words = [0x0a0d0d0a, 28, 0x1a2b3c4d, 0x00000001, 0xffffffff, 0xffffffff, 28, 1, 20, 1, snaplen, 20]
      for (const [at, word] of words.entries()) view.setUint32(at * 4, word, true)
      this.#length = words.length * 4
    } else {
      const words = [0xa1b2c3d4, 0x00040002, 0, 0, snaplen, 1]
      for (const [at, word] of words.entries()) view.setUint32(at * 4, word, true)
      this.#length = 24
    }
  }

  /** Writes a TCP packet with `length` bytes of payload. */
  packet(us, source, destination, ports, sequence, acknowledgment, flags, window, identification, ttl, length, echo) {
    const isSyn = (flags & SYN) !== 0
    const header = isSyn ? SYN_HEADER : HEADER
    const wire = ETHERNET + IP + header + length
    const captured = wire < this.#snaplen ? wire : this.#snaplen
    if (this.#length + captured + 64 + SYN_HEADER > BUFFER_BYTES) this.flush()
    const view = this.#view
    const record = this.#length
    const seconds = START_SECONDS + Math.floor(us / 1e6)
    let at = record + 16
    if (this.#isPcapng) {
      const ticks = START_SECONDS * 1e6 + us
      view.setUint32(record, 6, true)
      view.setUint32(record + 8, 0, true)
      view.setUint32(record + 12, Math.floor(ticks / 2 ** 32), true)
      view.setUint32(record + 16, ticks % 2 ** 32, true)
      view.setUint32(record + 20, captured, true)
      view.setUint32(record + 24, wire, true)
      at = record + 28
    } else {
      view.setUint32(record, seconds, true)
      view.setUint32(record + 4, us % 1e6, true)
      view.setUint32(record + 8, captured, true)
      view.setUint32(record + 12, wire, true)
    }
    const frame = at
    view.setUint32(at, 0x02000000)
    view.setUint32(at + 4, 0x00010200)
    view.setUint32(at + 8, 0x00000002)
    view.setUint16(at + 12, 0x0800)
    at += ETHERNET
    const totalLength = IP + header + length
    view.setUint32(at, 0x45000000 | totalLength)
    view.setUint32(at + 4, (identification << 16) | 0x4000)
    view.setUint32(at + 8, (ttl << 24) | (6 << 16))
    view.setUint32(at + 12, source)
    view.setUint32(at + 16, destination)
    const ends = (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff)
    view.setUint16(at + 10, ~fold(0x4500 + totalLength + identification + 0x4000 + (ttl << 8) + 6 + ends))
    at += IP
    view.setUint32(at, ports)
    view.setUint32(at + 4, sequence)
    view.setUint32(at + 8, acknowledgment)
    view.setUint32(at + 12, ((header >> 2) << 28) | (flags << 16) | window)
    view.setUint32(at + 16, 0)
    if (isSyn) {
      view.setUint32(at + 20, 0x020405b4)
      view.setUint32(at + 24, 0x0402080a)
      view.setUint32(at + 28, us >>> 10)
      view.setUint32(at + 32, echo)
      view.setUint32(at + 36, 0x01030307)
    } else {
      view.setUint32(at + 20, 0x0101080a)
      view.setUint32(at + 24, us >>> 10)
      view.setUint32(at + 28, echo)
    }
    let sum = ends + 6 + header + length + (length >> 1) * (FILLER * 257) + (length & 1) * (FILLER << 8)
    for (let word = 0; word < header; word += 2) sum += view.getUint16(at + word)
    view.setUint16(at + 16, ~fold(sum))
    const end = frame + captured
    if (end > at + header) this.#buffer.fill(FILLER, at + header, end)
    this.#length = end
    this.packets++
    if (this.#isPcapng) {
      const padded = (captured + 3) & ~3
      this.#buffer.fill(0, end, frame + padded)
      const total = 32 + padded
      view.setUint32(record + 4, total, true)
      view.setUint32(frame + padded, total, true)
      this.#length = record + total
    }
  }

  flush() {
    for (let at = 0; at < this.#length; ) {
      try {
        at += writeSync(this.#fd, this.#buffer, at, this.#length - at)
      } catch (error) {
        // Standard output may be a pipe that does not block, with a reader that is slow.
        if (error.code !== 'EAGAIN') throw error
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
      }
    }
    this.bytes += this.#length
    this.#length = 0
  }
}

function fold(sum) {
  const once = (sum & 0xffff) + Math.floor(sum / 65536)
  return (once & 0xffff) + (once >>> 16)
}

/** A table of connections that are under way, in columns. */
function connections(writer, { packets, flows, concurrent, segment }, random) {
  const column = () => new Uint32Array(concurrent)
  const [step, number, left, client, server, ports, kind] = Array.from({ length: 7 }, column)
  const [clientNext, serverNext, acked, held, clientId, serverId, resendAt, resendLength] = Array.from(
    { length: 8 },
    column,
  )
  let now = 0
  let begun = 0
  /** Data packets of a connection, so that all of them together are `packets`. */
  const each = Math.max(0, Math.round(packets / flows) - 8)

  function begin(slot) {
    const id = begun++
    step[slot] = OPEN_SYN
    number[slot] = id
    // Half to one and a half of the mean.
    left[slot] = each === 0 ? 0 : (each >> 1) + (random() % (each + 1))
    client[slot] = 0x0a000000 + (id % 65_000) + 1
    server[slot] = 0xc0a80001 + (id % 50)
    ports[slot] = (((32_768 + ((id * 7) % 28_000)) << 16) | (id % 3 === 0 ? 80 : 443)) >>> 0
    kind[slot] = id % 40
    clientNext[slot] = random()
    serverNext[slot] = random()
    clientId[slot] = random() & 0xffff
    serverId[slot] = random() & 0xffff
    acked[slot] = 0
    held[slot] = 0
    resendAt[slot] = 0
  }

  function fromClient(slot, flags, length) {
    clientId[slot] = (clientId[slot] + 1) & 0xffff
    const window = (flags & SYN) !== 0 ? 64_240 : 501
    const acknowledgment = (flags & ACK) !== 0 ? serverNext[slot] : 0
    writer.packet(
      now,
      client[slot],
      server[slot],
      ports[slot],
      clientNext[slot],
      acknowledgment,
      flags,
      window,
      clientId[slot],
      64,
      length,
      now >>> 10,
    )
  }

  function fromServer(slot, flags, length, back = 0) {
    serverId[slot] = (serverId[slot] + 1) & 0xffff
    const swapped = ((ports[slot] << 16) | (ports[slot] >>> 16)) >>> 0
    const window = (flags & SYN) !== 0 ? 65_160 : 509
    writer.packet(
      now,
      server[slot],
      client[slot],
      swapped,
      (serverNext[slot] - back) >>> 0,
      clientNext[slot],
      flags,
      window,
      serverId[slot],
      57,
      length,
      now >>> 10,
    )
  }

  /** The next packet of the connection; false when there is none. */
  function advance(slot) {
    switch (step[slot]) {
      case OPEN_SYN:
        fromClient(slot, SYN, 0)
        clientNext[slot]++
        step[slot] = OPEN_SYN_ACK
        return true
      case OPEN_SYN_ACK:
        if (kind[slot] === 39) {
          const kept = serverNext[slot]
          serverNext[slot] = 0
          fromServer(slot, RST | ACK, 0)
          serverNext[slot] = kept
          return false
        }
        fromServer(slot, SYN | ACK, 0)
        serverNext[slot]++
        step[slot] = OPEN_ACK
        return true
      case OPEN_ACK:
        fromClient(slot, ACK, 0)
        step[slot] = REQUEST
        return true
      case REQUEST:
        fromClient(slot, PSH | ACK, 180)
        clientNext[slot] += 180
        step[slot] = DATA
        return true
      case DATA:
        return transfer(slot)
      default:
        return close(slot)
    }
  }

  function transfer(slot) {
    if (resendAt[slot] !== 0) {
      // Nothing is acknowledged until the lost segment came again.
      if (now < resendAt[slot]) return true
      resendAt[slot] = 0
      fromServer(slot, PSH | ACK, resendLength[slot], resendLength[slot])
      held[slot] = 2
      return true
    }
    if (held[slot] === 2) {
      held[slot] = 0
      fromClient(slot, ACK, 0)
    } else if (left[slot] === 0) {
      step[slot] = CLOSE
      return close(slot)
    } else {
      const length = random() % 3 === 0 ? segment >> 1 : segment
      fromServer(slot, held[slot] === 1 ? PSH | ACK : ACK, length)
      serverNext[slot] += length
      held[slot]++
      if (random() % 100 === 0) {
        resendAt[slot] = now + RESEND_US
        resendLength[slot] = length
      }
    }
    if (left[slot] > 0) left[slot]--
    return true
  }

  function close(slot) {
    const way = kind[slot]
    if (way < 4) return void fromServer(slot, RST | ACK, 0) ?? false
    if (way < 6) return void fromClient(slot, RST | ACK, 0) ?? false
    if (way === 6) return false
    const first = way % 2 === 0
    const turn = acked[slot]++
    if (turn === 0) first ? fromServer(slot, FIN | ACK, 0) : fromClient(slot, FIN | ACK, 0)
    else if (turn === 1) {
      if (first) serverNext[slot]++
      else clientNext[slot]++
      first ? fromClient(slot, FIN | ACK, 0) : fromServer(slot, FIN | ACK, 0)
    } else {
      if (first) clientNext[slot]++
      else serverNext[slot]++
      first ? fromServer(slot, ACK, 0) : fromClient(slot, ACK, 0)
      return false
    }
    return true
  }

  const slots = Math.min(concurrent, flows)
  for (let slot = 0; slot < slots; slot++) begin(slot)
  let live = slots
  while (live > 0) {
    const slot = random() % live
    now += 1 + (random() & 7)
    if (advance(slot)) continue
    if (begun < flows) begin(slot)
    else {
      // The last one moves into its place.
      live--
      for (const values of [
        step,
        number,
        left,
        client,
        server,
        ports,
        kind,
        clientNext,
        serverNext,
        acked,
        held,
        clientId,
        serverId,
        resendAt,
        resendLength,
      ])
        values[slot] = values[live]
    }
  }
}

/** A SYN to each of `count` ends. */
function scan(writer, count, random) {
  for (let number = 0; number < count; number++) {
    const ports = (((40_000 + (number & 0xff)) << 16) | ((number % 1000) + 1)) >>> 0
    const target = 0x0b000000 + Math.floor(number / 1000)
    writer.packet(number * 3, 0x0a000001, target, ports, random(), 0, SYN, 64_240, random() & 0xffff, 64, 0, 0)
  }
}

/** @returns how many packets and bytes were written */
export function makeCapture(path, options = {}) {
  const { packets = 1_000_000, flows = 10_000, concurrent = 1000, snaplen = 96, segment = 1000 } = options
  const fd = path === '-' ? 1 : openSync(path, 'w')
  try {
    const writer = new CaptureWriter(fd, snaplen, options.format ?? 'pcap')
    const random = randomSource(options.seed ?? 20_251)
    if (options.scan) scan(writer, options.scan, random)
    else connections(writer, { packets, flows, concurrent, segment }, random)
    writer.flush()
    return { packets: writer.packets, bytes: writer.bytes }
  } finally {
    if (path !== '-') closeSync(fd)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const number = { type: 'string' }
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      packets: number,
      flows: number,
      concurrent: number,
      snaplen: number,
      segment: number,
      scan: number,
      seed: number,
      format: number,
    },
  })
  const { format, ...numbers } = values
  const options = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)]))
  if (positionals.length !== 1 || Object.values(options).some(value => !Number.isInteger(value))) {
    process.stderr.write('A file, and whole numbers for the options.\n')
    process.exit(2)
  }
  const { packets, bytes } = makeCapture(positionals[0], { ...options, ...(format === undefined ? {} : { format }) })
  process.stderr.write(`${packets} packets, ${bytes} bytes\n`)
}
