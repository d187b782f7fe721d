// Letters of tcpdump's that netkit capture does not have, and what to type for what they ask.

const contents = (letter: string) =>
  `what packets hold is not printed: --write OUT.pcap, then tcpdump -${letter} -r OUT.pcap`

export const captureHabits: Readonly<Record<string, string>> = {
  A: contents('A'),
  x: contents('x'),
  X: contents('X'),
  e: 'link-layer addresses are not printed: --write OUT.pcap, then tcpdump -e -r OUT.pcap',
  v: 'for all that is known of each packet: --packets --ndjson',
  t: 'events have the time of day, --packets the seconds since the first packet, --packets --ndjson the time to the nanosecond',
  S: 'for sequence numbers as they were sent: --packets --ndjson',
  '#': 'for packets with their numbers: --packets',
  r: 'to read a file: netkit decode FILE',
  F: 'to take the filter from a file: netkit capture "$(cat FILE)"',
  d: 'to see what a filter is compiled to: tcpdump -d FILTER',
  C: 'for a new file by size: --rotate-size 100M',
  G: 'for a new file by time: --rotate-seconds 60',
  W: 'for how many files stay: --keep 10',
}
