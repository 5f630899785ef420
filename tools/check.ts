/** `npm run check`: everything that can be known without starting processes. Prints what failed, and only that. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** In the order in which a mistake is cheapest to learn of. House and contracts are among the fast tests. */
const STEPS: readonly (readonly [name: string, command: string])[] = [
  ['format', 'oxfmt --check .'],
  ['types', 'tsc -p .'],
  ['lint', 'oxlint --type-aware --deny-warnings'],
  ['proto', 'buf lint'],
  ['proto against the last release', 'buf breaking --against proto/baseline.binpb'],
  ['generated code', 'node tools/gen-check.ts'],
  ['schema', 'node tools/gen-schema.ts --check'],
  ['charts', 'node tools/gen-charts.ts --check'],
  ['unused code', 'knip --no-progress'],
  ['fast tests and house', "vitest run --project 'fast*'"],
];

async function passes(name: string, command: string): Promise<boolean> {
  const began = performance.now();
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => output.push(bytes));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'}  ${name} (${seconds} s)\n`);
  if (code !== 0) process.stdout.write(Buffer.concat(output));
  return code === 0;
}

const failed: string[] = [];
for (const [name, command] of STEPS) {
  if (!(await passes(name, command))) failed.push(name);
}
if (failed.length > 0) {
  process.stdout.write(`\nnot in order: ${failed.join(', ')}\n`);
  process.exitCode = 1;
}
