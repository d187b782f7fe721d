// Must show 10: bad input is one sentence with a next step, the right exit code and no stack trace, also with --json.

import { describe, expect, test } from 'vitest'
import { expectRefusal, traceIn } from './acceptance.js'

const HOST = '127.0.0.1'

describe('netkit trace and bad input', () => {
  test.each<[string[], RegExp]>([
    [[], /target|host/i],
    [[''], /target/],
    [[HOST, '127.0.0.2'], /one target|another/],
    [['name.invalid'], /name\.invalid/],
    [['-4', '::1'], /::1.*(IPv|address family)/i],
    [['-6', '127.0.0.1'], /127\.0\.0\.1.*(IPv|address family)/i],
    [['-4', '-6', HOST], /-4 and -6/],
    [['-u', '-T', HOST], /--udp and --tcp/],
    [['--icmp', '-u', HOST], /--icmp and --udp/],
    [['-P', '80', HOST], /ICMP has no ports/],
    [['-u', '-P', '0', HOST], /port.*0/],
    [['-u', '-P', '65536', HOST], /port.*65,?536/],
    [['-u', '-P', 'x', HOST], /port.*x/],
    [['-u', '--source-port', '65535', '--flows', '16', HOST], /source port.*65,?535/],
    [['-T', '-s', '100', HOST], /size/],
    [['-s', 'x', HOST], /size.*x/],
    [['-s', '45', HOST], /size.*46/],
    [['-6', '-s', '65', '::1'], /66/],
    [['-s', '65536', HOST], /size/],
    [['-s', '', HOST], /size/],
    [['-f', '0', HOST], /first hop.*0/],
    [['-m', '0', HOST], /last hop.*0/],
    [['-m', '256', HOST], /last hop.*256/],
    [['-f', '9', '-m', '3', HOST], /first hop, 9, is behind the last, 3/],
    [['-q', '0', HOST], /probes.*0/],
    [['-q', '1.5', HOST], /probes.*1\.5/],
    [['-c', '0', HOST], /count.*0/],
    [['-c', 'x', HOST], /count.*x/],
    [['-c', '3', '-q', '3', HOST], /-q.*-c|-c.*-q/],
    [['-r', '--path', HOST], /--path.*-r|-r.*--path/],
    [['-i', '0.2', HOST], /-i.*-c/],
    [['-c', '2', '-i', 'x', HOST], /interval.*x/],
    [['-c', '2', '-i', '-1', HOST], /interval|-1/],
    [['-c', '2', '-i', '0', HOST], /interval.*0/],
    [['-c', '2', '-i', '1e999', HOST], /interval.*1e999/],
    [['-c', '2', '-i', 'nan', HOST], /interval.*nan/],
    [['-w', 'x', HOST], /timeout.*x/],
    [['-w', '0', HOST], /timeout.*0/],
    [['-Q', '256', HOST], /type of service.*256/],
    [['-M', 'x', HOST], /mark.*x/],
    [['-a', 'bogus', HOST], /-a.*bogus/],
    [['-a', '192.0.2.77', HOST], /192\.0\.2\.77/],
    [['-I', 'nosuchdevice0', HOST], /nosuchdevice0/],
    [['-a', HOST, '-I', '127.0.0.2', HOST], /-a and -I/],
    [['--flows', '0', HOST], /flows.*0/],
    [['--flows', '257', HOST], /flows.*256/],
    [['--flows', 'x', HOST], /flows.*x/],
    [['--transport', 'bogus', HOST], /transport.*bogus/],
    [['-u', '--transport', 'raw', HOST], /transport raw is for ICMP.*UDP/],
    [['-T', '-w', '3', HOST], /TCP.*1000 ms.*3000/],
    [['--fail-if', 'bogus', HOST], /bogus/],
    [['--fail-if', 'loss>x', HOST], /loss>x|x/],
    [['--csv', '--dot', HOST], /--csv and --dot/],
    [['--bogus', HOST], /no option --bogus/],
    [['--flow', '3', HOST], /did you mean --flows|no option --flow/],
  ])('%j: exit 2', async (args, sentence) => {
    await expectRefusal(null, args, 2, sentence)
  })

  test.each<[string[], RegExp]>([
    [['--mmdb', '/nowhere/x.mmdb', HOST], /\/nowhere\/x\.mmdb/],
    [['--baseline', '/nowhere/base.json', HOST], /\/nowhere\/base\.json/],
    [['--baseline', '/etc', HOST], /\/etc/],
    [['diff', '/nowhere/a.json', '/nowhere/b.json'], /\/nowhere\/a\.json/],
    [['diff', '/etc', '/etc'], /\/etc/],
  ])('%j: a file that cannot be read is named', async (args, sentence) => {
    const { code, stdout, stderr } = await traceIn(null, args)
    expect({ args, stdout }).toEqual({ args, stdout: '' })
    expect([2, 4, 5]).toContain(code)
    expect(stderr).toMatch(/^netkit: /)
    expect(stderr).toMatch(sentence)
    expect(stderr).not.toMatch(/^\s+at .*[:(]\d+|node:internal/m)
  })

  test('a comparison takes two files', async () => {
    for (const words of [[], ['/nowhere/a.json'], ['a.json', 'b.json', 'c.json']]) {
      const plain = await traceIn(null, ['diff', ...words])
      expect({ words, code: plain.code, stdout: plain.stdout }).toEqual({ words, code: 2, stdout: '' })
      expect(plain.stderr).toMatch(/^netkit: /)
      expect(plain.stderr).not.toMatch(/^\s+at .*[:(]\d+|node:internal/m)
      const json = await traceIn(null, ['diff', '--json', ...words])
      expect(JSON.parse(json.stdout)).toMatchObject({ error: { exit: 2 } })
    }
  })

  test('a name with control characters in it reaches no terminal', async () => {
    for (const name of ['\x1b[31mred.invalid', 'bell\x07.invalid', 'two\nlines.invalid']) {
      const { stdout, stderr, code } = await traceIn(null, [name])
      expect(code).toBe(2)
      expect(stdout + stderr.trimEnd()).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/)
      expect(stderr).toMatch(/^netkit: /)
    }
  })

  test('--ndjson of a name without address is an error object, and no other line', async () => {
    const { stdout, stderr, code } = await traceIn(null, ['--ndjson', 'name.invalid'])
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
    const lines = stdout.split('\n').filter(Boolean)
    expect(lines.length).toBeGreaterThan(0)
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow()
    expect(stdout).toContain('name.invalid')
  })
})
