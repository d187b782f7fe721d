// What looks for the names of addresses: an interface only.

/** Finds host names. One that has answered may be asked again. */
export interface ReverseResolver {
  /** The name of an address, null when it has none. Rejects when nobody answered. */
  nameOf(address: string): Promise<string | null>
  /** Gives up everything that is under way: those promises reject. */
  cancel(): void
}
