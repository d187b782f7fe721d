// The one error that filter text can cause.

/** `message` is one sentence that names what was expected at `column` (0-based) of `text`. */
export class FilterSyntaxError extends Error {
  override readonly name = 'FilterSyntaxError'
  readonly text: string
  readonly column: number

  constructor(text: string, column: number, message: string) {
    super(message)
    this.text = text
    this.column = column
  }
}
