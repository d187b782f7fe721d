// The errno name in what Node throws for a system call.

/** errno name of an error thrown by `fs`, `ENOENT`; `EIO` for anything else, so that it is never taken for "not there". */
export function errorCode(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code
  return 'EIO'
}
