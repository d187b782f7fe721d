// The lab of the tests (namespaces, routers, TUN responder) for benchmarks, which run without a test runner.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const LAB = fileURLToPath(new URL('../test/lab/', import.meta.url))

/** Everything that test/lab/{netns,routers,tun-responder}.ts export. */
export async function loadLab() {
  const directory = mkdtempSync(join(tmpdir(), 'nk-bench-lab-'))
  const file = join(directory, 'lab.mjs')
  try {
    await build({
      stdin: {
        contents: ['netns', 'routers', 'tun-responder'].map(name => `export * from './${name}.ts'`).join('\n'),
        resolveDir: LAB,
      },
      outfile: file,
      bundle: true,
      platform: 'node',
      format: 'esm',
      // The responder's source lies beside the modules, wherever the bundle is.
      define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(LAB, 'index.ts')).href) },
    })
    return await import(pathToFileURL(file).href)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
