import { describe, expect, it } from 'vitest'
import { BpfProgram, cookedProgram, onceOnLoopback, returnProgram } from '../../src/capture/bpf.js'

type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, constant: number]

/** struct sock_filter: code u16, jt u8, jf u8, k u32. */
function program(...instructions: Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8)
  const view = new DataView(bytes.buffer)
  for (const [index, [code, whenTrue, whenFalse, constant]] of instructions.entries()) {
    view.setUint16(index * 8, code, true)
    view.setUint8(index * 8 + 2, whenTrue)
    view.setUint8(index * 8 + 3, whenFalse)
    view.setUint32(index * 8 + 4, constant, true)
  }
  return bytes
}

/** linux/bpf_common.h */
const LD_W_ABS = 0x20
const LD_H_ABS = 0x28
const LD_B_ABS = 0x30
const LD_B_IND = 0x50
const LD_LEN = 0x80
const LDX_MSH = 0xb1
const LD_IMM = 0x00
const LDX_IMM = 0x01
const JEQ = 0x15
const RET_K = 0x06
const RET_A = 0x16

const run = (bytes: Uint8Array, packet: readonly number[], wireLength = packet.length): number =>
  new BpfProgram(bytes).run(new DataView(Uint8Array.from([99, ...packet, 99]).buffer), 1, 1 + packet.length, wireLength)

describe('running classic BPF', () => {
  it('loads words, halves and bytes in network order, and the length', () => {
    const packet = [0x80, 2, 3, 4]
    expect(run(program([LD_W_ABS, 0, 0, 0], [RET_A, 0, 0, 0]), packet)).toBe(0x80020304)
    expect(run(program([LD_H_ABS, 0, 0, 2], [RET_A, 0, 0, 0]), packet)).toBe(0x0304)
    expect(run(program([LD_B_ABS, 0, 0, 3], [RET_A, 0, 0, 0]), packet)).toBe(4)
    expect(run(program([LD_LEN, 0, 0, 0], [RET_A, 0, 0, 0]), packet, 1500)).toBe(1500)
  })

  it('finds the end of an IPv4 head, and loads relative to it', () => {
    const packet = [0x45, ...Array(19).fill(0), 7, 8]
    expect(run(program([LDX_MSH, 0, 0, 0], [LD_B_IND, 0, 0, 1], [RET_A, 0, 0, 0]), packet)).toBe(8)
  })

  it.each([
    [LD_W_ABS, 1],
    [LD_H_ABS, 3],
    [LD_B_ABS, 4],
    [LD_B_ABS, 0xffffffff],
    [LD_B_ABS, 0x80000000],
    [LDX_MSH, 4],
  ])('takes a load outside of the packet for no match (%i at %i)', (code, offset) => {
    expect(run(program([code, 0, 0, offset], [RET_K, 0, 0, 5]), [1, 2, 3, 4])).toBe(0)
  })

  it.each([
    ['add', 0x04, 0xffffffff, 2, 1],
    ['sub', 0x14, 1, 2, 0xffffffff],
    ['mul', 0x24, 0xffffffff, 3, 0xfffffffd],
    ['div', 0x34, 0xfffffffe, 2, 0x7fffffff],
    ['div by 0', 0x34, 9, 0, 0],
    ['or', 0x44, 5, 2, 7],
    ['and', 0x54, 0xf0f0, 0xff00, 0xf000],
    ['shift left', 0x64, 1, 31, 0x80000000],
    ['shift right', 0x74, 0x80000000, 31, 1],
    ['neg', 0x84, 1, 0, 0xffffffff],
    ['mod', 0x94, 0xffffffff, 16, 15],
    ['xor', 0xa4, 6, 3, 5],
  ])('counts as 32-bit numbers without a sign: %s', (_, code, left, right, result) => {
    expect(run(program([LD_IMM, 0, 0, left], [code, 0, 0, right], [RET_A, 0, 0, 0]), [])).toBe(result)
    expect(run(program([LD_IMM, 0, 0, left], [LDX_IMM, 0, 0, right], [code | 8, 0, 0, 0], [RET_A, 0, 0, 0]), [])).toBe(
      result,
    )
  })

  it.each([
    ['equal', 0x15, 7, 7, 8],
    ['greater', 0x25, 0x80000000, 1, 0x80000000],
    ['greater or equal', 0x35, 0x80000000, 0x80000000, 0x80000001],
    ['any bit', 0x45, 6, 2, 1],
  ])('jumps when %s', (_, code, value, yes, no) => {
    const made = (operand: number): Uint8Array =>
      program([LD_IMM, 0, 0, value], [code, 1, 0, operand], [RET_K, 0, 0, 1], [RET_K, 0, 0, 2])
    expect([run(made(yes), []), run(made(no), [])]).toEqual([2, 1])
  })

  it('ends, whatever the program: one without a return matches nothing', () => {
    let seed = 3
    const random = (): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return seed >>> 8
    }
    for (let round = 0; round < 2000; round++) {
      const bytes = Uint8Array.from({ length: 8 * (random() % 12) }, () => random() & 255)
      expect(run(bytes, [0x45, 1, 2, 3])).toBeGreaterThanOrEqual(0)
    }
    expect(run(program([LD_IMM, 0, 0, 1]), [])).toBe(0)
  })
})

describe('a computed place', () => {
  it('is counted modulo 2^32, as libpcap and the kernel do', () => {
    // X is -2, and the byte at X + 3 the second one.
    expect(run(program([LDX_IMM, 0, 0, 0xfffffffe], [LD_B_IND, 0, 0, 3], [RET_A, 0, 0, 0]), [5, 6, 7])).toBe(6)
  })
})

describe('a program for cooked packets', () => {
  it('is moved to the network layer, and asks the kernel for what the head held', () => {
    // LINKTYPE_LINUX_SLL2: protocol at 0, interface at 4, packet type at 10; the packet from 20 on.
    const moved = cookedProgram(
      program(
        [LD_H_ABS, 0, 0, 0],
        [JEQ, 0, 4, 0x0800],
        [LD_W_ABS, 0, 0, 4],
        [LD_B_ABS, 0, 0, 10],
        [LDX_MSH, 0, 0, 20],
        [LD_B_IND, 0, 0, 22],
        [RET_K, 0, 0, 100],
      ),
    )
    // linux/filter.h: SKF_AD_OFF -0x1000 with SKF_AD_PROTOCOL 0, SKF_AD_IFINDEX 8, SKF_AD_PKTTYPE 4.
    expect(moved).toEqual(
      program(
        [LD_H_ABS, 0, 0, 0xfffff000],
        [JEQ, 0, 4, 0x0800],
        [LD_W_ABS, 0, 0, 0xfffff008],
        [LD_B_ABS, 0, 0, 0xfffff004],
        [LDX_MSH, 0, 0, 0],
        [LD_B_IND, 0, 0, 2],
        [RET_K, 0, 0, 100],
      ),
    )
  })

  it.each([
    ['the address of the link layer', LD_W_ABS, 12],
    ['half of a field', LD_B_ABS, 0],
    ['a computed place in the head', LD_B_IND, 10],
    ['the length of the packet', LD_LEN, 0],
  ])('is not for the kernel when it loads %s', (_, code, offset) => {
    expect(cookedProgram(program([code, 0, 0, offset], [RET_K, 0, 0, 1]))).toBeNull()
  })
})

it('keeps one of the two that loopback shows, before the program', () => {
  const whole = onceOnLoopback(returnProgram(96))
  expect(whole).toEqual(
    program(
      [LD_W_ABS, 0, 0, 0xfffff004], // SKF_AD_PKTTYPE
      [JEQ, 0, 3, 4], // PACKET_OUTGOING
      [LD_W_ABS, 0, 0, 0xfffff01c], // SKF_AD_HATYPE
      [JEQ, 0, 1, 772], // ARPHRD_LOOPBACK
      [RET_K, 0, 0, 0],
      [RET_K, 0, 0, 96],
    ),
  )
})
