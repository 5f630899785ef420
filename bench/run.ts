/**
 * Every figure of the design that exists so far, each beside its baseline of the same run: `npm run bench`, or
 * `npm run bench -- start memory` for some. Each runs in a process of its own, one after the other, so that none pays for
 * another's garbage. Two cores and a shared disk are noisy: read the ratios first.
 */
import { spawn } from 'node:child_process';

const ALL = [
  'start',
  'memory',
  'stats',
  'reattach',
  'restart',
  'log',
  'open',
  'logs',
  'launch',
  'isolated',
  'env',
] as const;

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !ALL.some((one) => one === name));
if (unknown.length > 0) {
  console.error(`there is no bench ${unknown.join(', ')}: ${ALL.join(', ')}`);
  process.exit(2);
}
for (const name of asked.length > 0 ? asked : ALL) {
  console.log(`\n== ${name}`);
  const script = new URL(`${name}.ts`, import.meta.url).pathname;
  const child = spawn(process.execPath, [script], { stdio: 'inherit' });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) process.exitCode = 1;
}
