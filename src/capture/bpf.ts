// Classic BPF programs (linux/filter.h): made ready for cooked sockets, and run here where the kernel cannot see all bytes.

/** struct sock_filter: code u16, jump when true u8, jump when false u8, constant u32. */
export const SOCK_FILTER_BYTES = 8
/** The kernel takes 4096 instructions (linux/bpf_common.h, BPF_MAXINSNS), of which `onceOnLoopback` needs some. */
export const MOST_KERNEL_BYTES = 4000 * SOCK_FILTER_BYTES

const BPF_LD = 0x00
const BPF_LDX = 0x01
const BPF_RET_K = 0x06
const BPF_JEQ_K = 0x15
const BPF_ABS = 0x20
const BPF_IND = 0x40
const BPF_LEN = 0x80
const BPF_MSH = 0xa0

/** Loads from here on are about the packet's surroundings (linux/filter.h). */
const SKF_AD_OFF = -0x1000
const SKF_AD_PROTOCOL = 0
const SKF_AD_PKTTYPE = 4
const SKF_AD_IFINDEX = 8
const SKF_AD_HATYPE = 28

const PACKET_OUTGOING = 4
const ARPHRD_LOOPBACK = 772

/** LINKTYPE_LINUX_SLL2: bytes of its head, and what of it the kernel knows by another name (offset, width, that name). */
const SLL2_BYTES = 20
const SLL2_FIELDS: readonly (readonly [at: number, bytes: number, name: number])[] = [
  [0, 2, SKF_AD_PROTOCOL],
  [4, 4, SKF_AD_IFINDEX],
  [8, 2, SKF_AD_HATYPE],
  [10, 1, SKF_AD_PKTTYPE],
]

type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, constant: number]

function encodeProgram(instructions: readonly Instruction[]): Uint8Array {
  const program = new Uint8Array(instructions.length * SOCK_FILTER_BYTES)
  const view = new DataView(program.buffer)
  for (const [index, [code, whenTrue, whenFalse, constant]] of instructions.entries()) {
    const at = index * SOCK_FILTER_BYTES
    view.setUint16(at, code, true)
    view.setUint8(at + 2, whenTrue)
    view.setUint8(at + 3, whenFalse)
    view.setInt32(at + 4, constant, true)
  }
  return program
}

/** A program that keeps `bytes` of every packet; 0 keeps none. */
export function returnProgram(bytes: number): Uint8Array {
  return encodeProgram([[BPF_RET_K, 0, 0, bytes]])
}

/**
 * The loopback interface shows each packet as it leaves and as it comes back: one of the two is kept, as libpcap does. In the
 * kernel, so that neither the ring nor the counts see the other.
 */
export function onceOnLoopback(program: Uint8Array): Uint8Array {
  const head = encodeProgram([
    [BPF_LD | BPF_ABS, 0, 0, SKF_AD_OFF + SKF_AD_PKTTYPE],
    [BPF_JEQ_K, 0, 3, PACKET_OUTGOING],
    [BPF_LD | BPF_ABS, 0, 0, SKF_AD_OFF + SKF_AD_HATYPE],
    [BPF_JEQ_K, 0, 1, ARPHRD_LOOPBACK],
    [BPF_RET_K, 0, 0, 0],
  ])
  const whole = new Uint8Array(head.length + program.length)
  whole.set(head)
  whole.set(program, head.length)
  return whole
}

/**
 * A program for LINUX_SLL2 as a SOCK_DGRAM socket needs it, where the kernel runs it on the packet from its network layer on: loads
 * behind the head move by its length, and loads of the head become loads of what the kernel knows. Null where there is no such
 * twin, as for the length of the packet, which is without the head there.
 */
export function cookedProgram(program: Uint8Array): Uint8Array | null {
  const moved = program.slice()
  const view = new DataView(moved.buffer)
  for (let at = 0; at < moved.length; at += SOCK_FILTER_BYTES) {
    const code = view.getUint16(at, true)
    const kind = code & 7
    const mode = code & 0xe0
    if (kind !== BPF_LD && kind !== BPF_LDX) continue
    if (mode === BPF_LEN) return null
    if (mode !== BPF_ABS && mode !== BPF_IND && mode !== BPF_MSH) continue
    const offset = view.getInt32(at + 4, true)
    if (offset >= SLL2_BYTES) {
      view.setInt32(at + 4, offset - SLL2_BYTES, true)
      continue
    }
    const field = SLL2_FIELDS.find(([start, bytes]) => start === offset && bytes === loadBytes(code))
    if (field === undefined || mode !== BPF_ABS || kind !== BPF_LD) return null
    view.setInt32(at + 4, SKF_AD_OFF + field[2], true)
  }
  return moved
}

function loadBytes(code: number): number {
  const size = code & 0x18
  return size === 0 ? 4 : size === 0x08 ? 2 : 1
}

/** Runs classic BPF programs in JavaScript, on packets as they are delivered. */
export class BpfProgram {
  private readonly codes: Uint16Array
  private readonly jumps: Uint8Array
  private readonly constants: Int32Array
  private readonly memory = new Int32Array(16)

  constructor(program: Uint8Array) {
    const count = Math.floor(program.length / SOCK_FILTER_BYTES)
    const view = new DataView(program.buffer, program.byteOffset, program.length)
    this.codes = new Uint16Array(count)
    this.jumps = new Uint8Array(count * 2)
    this.constants = new Int32Array(count)
    for (let index = 0; index < count; index++) {
      const at = index * SOCK_FILTER_BYTES
      this.codes[index] = view.getUint16(at, true)
      this.jumps[index * 2] = view.getUint8(at + 2)
      this.jumps[index * 2 + 1] = view.getUint8(at + 3)
      this.constants[index] = view.getInt32(at + 4, true)
    }
  }

  /** How much of the packet at `start`..`end` is kept: 0 when it does not match. A load outside of the packet is no match. */
  run(data: DataView, start: number, end: number, wireLength: number): number {
    const { codes, jumps, constants, memory } = this
    let accumulator = 0
    let index = 0
    for (let at = 0; at >= 0 && at < codes.length; at++) {
      const code = codes[at]!
      const constant = constants[at]!
      switch (code & 7) {
        case BPF_LD: {
          const mode = code & 0xe0
          if (mode === 0x00) accumulator = constant
          else if (mode === 0x60) accumulator = memory[constant & 15]!
          else if (mode === BPF_LEN) accumulator = wireLength | 0
          else {
            const from = (mode === BPF_IND ? index + constant : constant) >>> 0
            const bytes = loadBytes(code)
            if (start + from + bytes > end) return 0
            if (bytes === 4) accumulator = data.getInt32(start + from)
            else accumulator = bytes === 2 ? data.getUint16(start + from) : data.getUint8(start + from)
          }
          break
        }
        case BPF_LDX: {
          const mode = code & 0xe0
          if (mode === 0x00) index = constant
          else if (mode === 0x60) index = memory[constant & 15]!
          else if (mode === BPF_LEN) index = wireLength | 0
          else {
            const from = constant >>> 0
            if (start + from + 1 > end) return 0
            index = (data.getUint8(start + from) & 15) << 2
          }
          break
        }
        case 2:
          memory[constant & 15] = accumulator
          break
        case 3:
          memory[constant & 15] = index
          break
        case 4: {
          const operand = (code & 8) === 0 ? constant : index
          if (operand === 0 && ((code & 0xf0) === 0x30 || (code & 0xf0) === 0x90)) return 0
          accumulator = arithmetic(code & 0xf0, accumulator, operand)
          break
        }
        case 5: {
          if ((code & 0xf0) === 0) {
            at += constant >>> 0
            break
          }
          const operand = (code & 8) === 0 ? constant : index
          at += jumps[at * 2 + (holds(code & 0xf0, accumulator, operand) ? 0 : 1)]!
          break
        }
        case 6:
          return ((code & 0x18) === 0x10 ? accumulator : constant) >>> 0
        default:
          if ((code & 0xf8) === 0x80) accumulator = index
          else index = accumulator
      }
    }
    return 0
  }
}

function arithmetic(operation: number, accumulator: number, operand: number): number {
  switch (operation) {
    case 0x00:
      return (accumulator + operand) | 0
    case 0x10:
      return (accumulator - operand) | 0
    case 0x20:
      return Math.imul(accumulator, operand)
    case 0x30:
      return ((accumulator >>> 0) / (operand >>> 0)) | 0
    case 0x40:
      return accumulator | operand
    case 0x50:
      return accumulator & operand
    case 0x60:
      return operand >>> 0 < 32 ? accumulator << operand : 0
    case 0x70:
      return operand >>> 0 < 32 ? (accumulator >>> operand) | 0 : 0
    case 0x80:
      return -accumulator | 0
    case 0x90:
      return ((accumulator >>> 0) % (operand >>> 0)) | 0
    default:
      return accumulator ^ operand
  }
}

/** Jumps compare without signs. */
function holds(operation: number, accumulator: number, operand: number): boolean {
  switch (operation) {
    case 0x10:
      return accumulator === operand
    case 0x20:
      return accumulator >>> 0 > operand >>> 0
    case 0x30:
      return accumulator >>> 0 >= operand >>> 0
    default:
      return (accumulator & operand) !== 0
  }
}
