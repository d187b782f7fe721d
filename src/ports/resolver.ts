// What looks up names of addresses and addresses of names: interfaces only.

/** Finds host names. One that has answered may be asked again. */
export interface ReverseResolver {
  /** The name of an address, null when it has none. Rejects when nobody answered. */
  nameOf(address: string): Promise<string | null>
  /** Gives up everything that is under way: those promises reject. */
  cancel(): void
}

/** The addresses of a name, at least one; or why there is none, in the words of the C library. */
export type Lookup =
  | { readonly addresses: readonly { readonly address: string; readonly family: 4 | 6 }[] }
  | { readonly reason: string }

/** Finds addresses of host names. */
export interface ForwardResolver {
  /** Addresses of both families in the order of getaddrinfo(3). Never rejects. */
  lookup(name: string): Promise<Lookup>
}
