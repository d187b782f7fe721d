// Where writers put their bytes: it grows to what one batch needs, and is used again.

const FIRST_BYTES = 64 * 1024

/** Longer packets are copied by one set(), which needs an object made for it. */
const SHORT = 256

export class CaptureBuffer {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_BYTES)
  view: DataView = new DataView(this.bytes.buffer)
  /** Bytes put in so far. */
  length = 0

  /** Makes room for `count` bytes at the end, and answers where they begin. What is there is not zero. */
  reserve(count: number): number {
    const at = this.length
    if (at + count > this.bytes.length) this.#grow(at + count)
    this.length = at + count
    return at
  }

  /** Goes on, empty, in other bytes; whoever took these has them now. */
  replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
    this.length = 0
  }

  #grow(need: number): void {
    const larger = new Uint8Array(Math.max(need, 2 * this.bytes.length))
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
    this.view = new DataView(larger.buffer)
  }

  /** Puts in the bytes `start`..`end` of `view`, and zeros up to `padded` bytes. */
  copy(view: DataView, start: number, end: number, padded: number): void {
    const at = this.reserve(padded)
    const count = end - start
    if (count <= SHORT) this.#copyShort(view, start, count, at)
    else this.bytes.set(new Uint8Array(view.buffer, view.byteOffset + start, count), at)
    for (let zero = at + count; zero < at + padded; zero++) this.bytes[zero] = 0
  }

  /** Without an object for it, which costs more than the copying of most packets. */
  #copyShort(view: DataView, start: number, count: number, at: number): void {
    let done = 0
    for (; done + 4 <= count; done += 4) this.view.setUint32(at + done, view.getUint32(start + done, true), true)
    for (; done < count; done++) this.view.setUint8(at + done, view.getUint8(start + done))
  }
}
