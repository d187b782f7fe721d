import { expect, test } from 'vitest'
import { bothFailures } from '../../src/sockets/collect-report.js'

const failure = (code: string) => ({ code, message: `message of ${code}` })

test('where the kernel lacks one way, the reason why the other failed is the code: it may be curable', () => {
  expect(bothFailures(failure('ENOENT'), failure('no-process'))).toEqual({
    code: 'no-process',
    message: 'message of ENOENT; message of no-process',
  })
  expect(bothFailures(failure('ENOENT'), failure('ENOENT')).code).toBe('ENOENT')
})

test('what may not be looked at stays so, whatever else failed', () => {
  expect(bothFailures(failure('EACCES'), failure('no-process')).code).toBe('EACCES')
  expect(bothFailures(null, failure('no-process'))).toEqual(failure('no-process'))
})
