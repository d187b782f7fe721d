// Must show 7: the live view in a real terminal: start, resize, pause, reset, columns, quit, Ctrl-C; and the screen as it was.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { addChain, type Chain, describeLab, removeChain, setPingGroups } from '../../lab/index.js'
import { NETKIT } from '../run.js'
import { pathOf } from './acceptance.js'
import { type Terminal, withTerminal } from './terminal.js'

const BEFORE = 'what was on the screen before'
const SIZE = [100, 24] as const

describeLab('netkit trace in a terminal', () => {
  let chain: Chain
  beforeAll(async () => {
    chain = await addChain(3)
    await setPingGroups(chain.source, 'open')
  })
  afterAll(() => removeChain(chain))

  /** A shell that shows something, runs the live view, says how it ended and what the terminal's settings are, and stays. */
  const live = <T>(args: string, fn: (terminal: Terminal) => Promise<T>, size: readonly [number, number] = SIZE) => {
    const line = [
      `echo '${BEFORE}'`,
      'stty -g > /dev/null; before=$(stty -g)',
      `${NETKIT} trace -n ${args} ${chain.target(4)}`,
      'echo "exit $?"',
      '[ "$before" = "$(stty -g)" ] && echo settings are back || echo settings differ',
      'sleep 1000',
    ]
    return withTerminal(chain.source, `sh -c '${line.join('; ').replaceAll("'", "'\\''")}'`, size, fn)
  }

  const allHops = (lines: string[]) => pathOf(chain, 4).every(address => lines.some(line => line.includes(address)))
  const sentAt = (lines: string[], address: string): number => {
    const title =
      lines
        .find(text => text.includes('Loss%'))
        ?.trim()
        .split(/\s+/) ?? []
    const cells =
      lines
        .find(text => text.includes(address))
        ?.trim()
        .split(/\s+/) ?? []
    return Number(cells[title.indexOf('Snt')] ?? Number.NaN)
  }
  const isOver = (lines: string[]) => lines.some(line => line.startsWith('settings '))

  /** The screen of before is back, with what was known printed below it. */
  async function expectRestored(terminal: Terminal, code: number): Promise<void> {
    const lines = await terminal.waitFor('the end', isOver)
    expect(lines).toContain(BEFORE)
    expect(lines).toContain(`exit ${code}`)
    expect(lines).toContain('settings are back')
    expect(await terminal.state('alternate_on')).toBe('0')
    expect(await terminal.state('cursor_flag')).toBe('1')
  }

  test('it starts with all hops, counts on, and q ends it with the screen as it was', async () => {
    await live('-i 0.3', async terminal => {
      const first = await terminal.waitFor('every hop', allHops)
      expect(await terminal.state('alternate_on')).toBe('1')
      expect(first.some(line => line.includes(BEFORE))).toBe(false)
      const count = sentAt(first, chain.address(1, 4))
      await terminal.waitFor('more probes', lines => sentAt(lines, chain.address(1, 4)) > count + 2)
      const lines = await terminal.screen()
      expect(lines.join('\n')).toMatch(/Loss%.*Snt.*Last.*Avg.*Best.*Wrst.*StDev/)
      expect(allHops(lines)).toBe(true)
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(SIZE[0])
      await terminal.type('q')
      await expectRestored(terminal, 0)
    })
  })

  test('it fits the window after every resize', async () => {
    await live('-i 0.2', async terminal => {
      await terminal.waitFor('every hop', allHops)
      for (const [columns, rows] of [
        [60, 12],
        [160, 40],
        [30, 6],
        [80, 24],
      ] as const) {
        await terminal.resize(columns, rows)
        // A line that is too wide would be wrapped, and its rest begin a line. The screen of before is shown wrapped for a moment.
        await terminal.waitFor(
          `a screen of ${columns} x ${rows}`,
          shown =>
            shown.length <= rows &&
            shown.every(line => line.length <= columns) &&
            shown.filter(line => line.includes(chain.address(1, 4))).length === 1,
        )
      }
      await terminal.waitFor('every hop again', allHops)
      await terminal.type('q')
      await expectRestored(terminal, 0)
    })
  })

  test('p pauses and goes on, r forgets, d shows other columns, h helps', async () => {
    await live('-i 0.2', async terminal => {
      const one = chain.address(1, 4)
      await terminal.waitFor('some probes', lines => sentAt(lines, one) >= 5)
      await terminal.type('p')
      await terminal.waitFor('the word paused', lines => /paused/i.test(lines.join('\n')))
      const held = sentAt(await terminal.screen(), one)
      await new Promise(resolve => setTimeout(resolve, 1000))
      expect(sentAt(await terminal.screen(), one) - held).toBeLessThanOrEqual(1)
      await terminal.type('p')
      await terminal.waitFor('more probes', lines => sentAt(lines, one) > held + 1)
      await terminal.type('r')
      await terminal.waitFor('a new count', lines => sentAt(lines, one) < held)
      const columns = (await terminal.screen()).find(line => line.includes('Loss%'))
      await terminal.type('d')
      await terminal.waitFor('other columns', lines => {
        const now = lines.find(line => line.includes('Loss%'))
        return now !== undefined && now !== columns
      })
      await terminal.type('h')
      await terminal.waitFor('help', lines => /pause/.test(lines.join('\n')) && /quit/.test(lines.join('\n')))
      await terminal.type('h')
      await terminal.waitFor('every hop', allHops)
      await terminal.type('q')
      await expectRestored(terminal, 0)
    })
  })

  test('Ctrl-C prints what is known and leaves the screen as it was', async () => {
    await live('-i 0.2', async terminal => {
      await terminal.waitFor('every hop', allHops)
      await terminal.type('C-c')
      await expectRestored(terminal, 0)
      const lines = await terminal.screen()
      for (const address of pathOf(chain, 4)) expect(lines.some(line => line.includes(address))).toBe(true)
    })
  })

  test('Ctrl-C before anything was answered ends it too, and says that nothing was reached', async () => {
    await withTerminal(
      chain.source,
      `sh -c 'echo "${BEFORE}"; before=$(stty -g); ${NETKIT} trace -n -i 0.2 10.0.1.77; echo "exit $?"; [ "$before" = "$(stty -g)" ] && echo settings are back || echo settings differ; sleep 1000'`,
      SIZE,
      async terminal => {
        await terminal.waitFor('the view', lines => /Loss%|trace/.test(lines.join('\n')))
        await terminal.type('C-c')
        await expectRestored(terminal, 1)
      },
    )
  })

  test('-r and --path are no live views, on a terminal either', async () => {
    for (const args of ['-r -c 2 -i 0.1', '--path']) {
      await live(args, async terminal => {
        await expectRestored(terminal, 0)
        expect(allHops(await terminal.screen())).toBe(true)
      })
    }
  })

  test('NO_COLOR is honoured, and TERM=dumb gets no live view', async () => {
    await withTerminal(
      chain.source,
      `sh -c 'TERM=dumb ${NETKIT} trace -n ${chain.target(4)}; echo "exit $?"; sleep 1000'`,
      SIZE,
      async terminal => {
        const lines = await terminal.waitFor('the end', shown => shown.some(line => line.startsWith('exit ')))
        expect(allHops(lines)).toBe(true)
        expect(await terminal.state('alternate_on')).toBe('0')
      },
    )
  })
}, ['tmux'])
