// Numbers of flows, a bit each: a scan makes more of them than a Set can hold.

const FIRST_BYTES = 4096

export class FlowSet {
  #bits = new Uint8Array(FIRST_BYTES)

  add(flowId: number): void {
    const at = flowId >>> 3
    if (at >= this.#bits.length) {
      const larger = new Uint8Array(Math.max(at + 1, this.#bits.length * 2))
      larger.set(this.#bits)
      this.#bits = larger
    }
    this.#bits[at]! |= 1 << (flowId & 7)
  }

  has(flowId: number): boolean {
    return ((this.#bits[flowId >>> 3] ?? 0) & (1 << (flowId & 7))) !== 0
  }
}
