// Makes foreign text safe to show: no control character or direction override reaches a terminal.

// C0, DEL, C1; the direction marks and overrides that can reorder what is read (Trojan Source, CVE-2021-42574);
// line and paragraph separators; halves of surrogate pairs.
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

function escapeOne(character: string): string {
  const code = character.charCodeAt(0).toString(16)
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`
}

/** `text` with control characters as `\x1b` and bidirectional controls as `\u{202e}`; plain text comes back unchanged. */
export function printable(text: string): string {
  // The addresses of tens of thousands of targets are plain ASCII.
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 0x20 || code > 0x7e) return text.replace(UNSAFE, escapeOne)
  }
  return text
}
