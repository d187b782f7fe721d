import { expect, test } from 'vitest'
import { openCapCapture } from '../../src/adapters/capture-cap.js'

const options = { interface: 'lo', filter: null, snapLength: 65_535, promiscuous: false, bufferBytes: 65_536 }
const opening = (words: string) => () =>
  openCapCapture(options, () => {
    throw new Error(words)
  })

test('a cap package without libpcap says so, and not that it has to be compiled', () => {
  const words = 'libpcap.so.0.8: cannot open shared object file: No such file or directory'
  expect(opening(words)).toThrow(
    expect.objectContaining({
      message: `the cap package needs libpcap, which cannot be loaded: ${words}`,
      hints: [expect.stringContaining('apt-get install libpcap0.8 ')],
    }),
  )
  expect(opening("Cannot find module 'cap'\nRequire stack:\n- x")).toThrow(/^the cap package cannot be loaded$/)
})
