// Must show 8: bad input is one sentence with a next step, the right exit code and no stack trace, also with --json.

import { describe, expect, test } from 'vitest'
import { eventsOf, expectRefusal, pingIn } from './acceptance.js'

const HOST = '127.0.0.1'

describe('netkit ping and bad input', () => {
  test.each<[string[], RegExp]>([
    [[], /target|host/i],
    [['name.invalid'], /name\.invalid/],
    [['-4', '::1'], /::1.*(IPv|address family)/i],
    [['-6', '127.0.0.1'], /127\.0\.0\.1.*(IPv|address family)/i],
    [['-4', '-6', HOST], /-4 and -6/],
    [['-s', 'x', HOST], /size.*x/],
    [['-s', '-1', HOST], /size|-1/],
    [['-s', '65508', HOST], /size.*65,?507/],
    [['-s', '1.5', HOST], /size.*1\.5/],
    [['-s', '', HOST], /size/],
    [['-i', 'x', HOST], /interval.*x/],
    [['-i', '-1', HOST], /interval|-1/],
    [['-i', '1parsec', HOST], /interval.*1parsec/],
    [['-i', 'nan', HOST], /interval.*nan/],
    [['-i', '1e999', HOST], /interval.*1e999/],
    [['-c', '0', HOST], /count.*0/],
    [['-c', 'x', HOST], /count.*x/],
    [['-c', '1.5', HOST], /count.*1\.5/],
    [['-W', 'x', HOST], /timeout.*x/],
    [['-w', 'x', HOST], /deadline.*x/],
    [['-t', '0', HOST], /time to live.*0/],
    [['-t', '256', HOST], /time to live.*256/],
    [['-Q', '256', HOST], /type of service.*256/],
    [['-p', 'xyz', HOST], /pattern.*xyz/],
    [['-p', '00'.repeat(17), HOST], /pattern.*16/],
    [['-M', 'bogus', HOST], /bogus/],
    [['-m', 'x', HOST], /mark.*x/],
    [['-l', '0', HOST], /preload.*0/],
    [['-e', '65536', HOST], /identifier.*65536/],
    [['-S', '0', HOST], /send buffer.*0/],
    [['-F', '0x100000', '::1'], /flow label.*0x100000/],
    [['-T', 'bogus', HOST], /-T.*bogus/],
    [['-6', '-R', '::1'], /::1.*-R/],
    [['-F', '1', HOST], /127\.0\.0\.1.*-F/],
    [['-R', '-T', 'tsonly', HOST], /-R and -T/],
    [['-I', 'nosuchdevice0', HOST], /nosuchdevice0/],
    [['-I', '192.0.2.77', HOST], /192\.0\.2\.77/],
    [['--transport', 'bogus', HOST], /transport.*bogus/],
    [['--timestamps', 'bogus', HOST], /timestamps.*bogus/],
    [['--tcp', '0', HOST], /port.*0/],
    [['--tcp', '70000', HOST], /port.*70000/],
    [['--tcp', '1', '--udp', '1', HOST], /--tcp and --udp/],
    [['--fail-if', 'bogus', HOST], /bogus/],
    [['--fail-if', 'loss>x', HOST], /loss>x|x/],
    [['--gap', '1ms', HOST], /--gap/],
    [['-f', HOST, '127.0.0.2'], /-f/],
    [['-A', '-f', HOST], /-A and -f/],
    [['10.0.0.0/4'], /10\.0\.0\.0\/4|targets/],
    [['10.0.0.0/33'], /10\.0\.0\.0\/33/],
    [['10.0.0.9-10.0.0.1'], /10\.0\.0\.9/],
    [['--bogus', HOST], /no option --bogus/],
    [['--intervall', '1', HOST], /did you mean --interval|no option --intervall/],
    [['--json', '--ndjson', HOST], /json/],
  ])('%j: exit 2', async (args, sentence) => {
    if (args.includes('--ndjson')) {
      const { code, stdout } = await pingIn(null, args)
      expect(code).toBe(2)
      expect(JSON.parse(stdout)).toMatchObject({ error: { exit: 2 } })
      return
    }
    await expectRefusal(null, args, 2, sentence)
  })

  test.each<[string[], number, RegExp]>([
    [['--file', '/nowhere/targets'], 4, /\/nowhere\/targets: no such file/],
    [['--file', '/etc'], 4, /\/etc: is a directory/],
  ])('%j: exit %i', async (args, exit, sentence) => {
    await expectRefusal(null, args, exit, sentence)
  })

  test('a name with control characters in it reaches no terminal', async () => {
    for (const name of ['\x1b[31mred.invalid', 'bell\x07.invalid', 'two\nlines.invalid']) {
      const { stdout, stderr, code } = await pingIn(null, ['-c1', name])
      expect(code).toBe(2)
      expect(stdout + stderr.trimEnd()).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/)
      expect(stderr).toMatch(/^netkit: /)
    }
  })

  test('--ndjson of a name without address is an error, and no other line', async () => {
    const { stdout, stderr, code } = await pingIn(null, ['--ndjson', '-c1', 'name.invalid'])
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
    const events = eventsOf(stdout)
    expect(events.length).toBeGreaterThan(0)
    expect(stdout).toContain('name.invalid')
    // Always ends in summaries, for bad names too, or says that there is nothing to sum up.
    expect(events.at(-1)).toSatisfy(
      (last: { event?: string; error?: unknown }) => last.event === 'summary' || 'error' in last,
    )
  })
})
