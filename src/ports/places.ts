// Where addresses are, as collectors and commands know it.

/** What databases say of an address; null where they say nothing. */
export interface AddressPlace {
  readonly asn: number | null
  readonly asName: string | null
  /** `Zurich, Switzerland`. */
  readonly place: string | null
}

export interface PlaceDatabase {
  /** @throws DecodeError when a record turns out to be damaged */
  placeOf(address: string): AddressPlace
}
