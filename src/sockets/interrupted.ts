// The user has seen enough: what has been read so far is all there will be.

/** Thrown between two parts of an answer, to end a listing early: what was read until then is reported as such. */
export class Interrupted extends Error {}

export const INTERRUPTED = { code: 'interrupted', message: 'interrupted' } as const
