// What the rows of the ping benchmark have in common: the namespace, the targets, the reasons for doubt.

/** Whatever takes longer is killed. */
export const LIMIT_SECONDS = 120

/** In a namespace of its own every user may open ICMP sockets, as most distributions have it; both tools take those then. */
export const inNamespace = (lab, fn) =>
  lab.withNetns(async ns => {
    await lab.setPingGroups(ns, 'open')
    return fn(ns, '127.0.0.1')
  })

/** The same at the near end of a chain of routers. */
export const overChain = (lab, routers, fn) =>
  lab.withChain(routers, async chain => {
    await lab.setPingGroups(chain.source, 'open')
    return fn(chain.source, chain.target(4), chain)
  })

/** Why a run failed, in its own words: the line with the error among what Node prints of one, else the first. */
export function saidOf({ stderr }) {
  const lines = stderr.trim().split('\n')
  return lines.find(line => /Error\b/.test(line)) ?? lines[0]
}
