// Runs source modules in a process of their own, bundled into one CommonJS file as the packed netkit is.

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { inNetns } from '../lab/index.js'

const source = (path: string): string => fileURLToPath(new URL(`../../src/${path}`, import.meta.url))

/**
 * Bundles `modules` (paths in src), runs `body` with their exports in scope, and gives what it returns, through JSON.
 * `options.through` is a command that runs it, such as strace.
 */
export async function runBundled<T>(
  modules: readonly string[],
  body: string,
  options: { ns?: string | null; uid?: number; through?: readonly string[] } = {},
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'nk-bundle-'))
  try {
    // mkdtemp makes it for this user only.
    await chmod(directory, 0o755)
    const imports = modules.map((path, at) => `import * as m${at} from ${JSON.stringify(source(path))}`)
    const names = modules.map((_, at) => `...m${at}`).join(', ')
    const entry = `${imports.join('\n')}
      const body = async (x: any) => { ${body} }
      body({ ${names} }).then(value => process.stdout.write(JSON.stringify(value)))`
    const outfile = join(directory, 'run.cjs')
    const bundle = await build({
      stdin: { contents: entry, loader: 'ts', resolveDir: directory },
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'cjs',
      write: false,
      // Modules of ours that ask for it take __filename where there is one.
      logOverride: { 'empty-import-meta': 'silent' },
    })
    await writeFile(outfile, bundle.outputFiles[0]!.contents, { mode: 0o644 })
    const argv = [...(options.through ?? []), process.execPath, outfile]
    const { stdout, stderr, code } = await inNetns(options.ns ?? null, argv, options.uid ? { uid: options.uid } : {})
    if (code !== 0) throw new Error(`bundled code failed (${code}): ${stderr}`)
    return JSON.parse(stdout) as T
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
