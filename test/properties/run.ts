/**
 * Tries the properties of log, subscriptions, upcasters and restart policy far more often than the fast suite does:
 * `npm run properties -- [--full] [--runs N] [--seed N] [--json FILE]`. Ends with status 1 when one does not hold.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { PACKAGE_VERSION } from '../../src/version.ts';
import { isGiven, readFlags, text, whole } from '../rig-flags.ts';

interface Tested {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const { full, runs, seed, json } = readFlags({
  full: isGiven(),
  runs: whole(1, undefined),
  seed: whole(0, 1),
  json: text(),
});
const began = performance.now();
const perHundred = runs ?? (full ? 5_000 : 500);
const tested = testAll().testResults.flatMap(({ name, assertionResults }) =>
  assertionResults.map((one) => ({ ...one, file: relative(process.cwd(), name) })),
);
const isControl = ({ fullName }: { readonly fullName: string }): boolean =>
  fullName.endsWith('(a control)');
const failures = tested
  .filter(({ status }) => status !== 'passed')
  .map(({ fullName, file, failureMessages }) => {
    return { case: `${file}: ${fullName}`, text: failureMessages.join('\n'), seed };
  });
const figures = {
  'tries of a property of average cost': perHundred,
  'properties that hold': tested.filter((one) => one.status === 'passed' && !isControl(one)).length,
};
const controls = Object.fromEntries(
  tested.filter(isControl).map(({ fullName, status }) => {
    return [fullName, status === 'passed' ? 'found' : 'NOT FOUND'];
  }),
);

for (const { fullName, status } of tested)
  say(`${status === 'passed' ? 'ok    ' : 'FAILED'}  ${fullName}`);
for (const { case: name, text } of failures) say(`\n${name}\n${text}`);
if (json !== undefined) {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  const tookMs = Math.round(performance.now() - began);
  const report = { subject: 'properties', seed, version: PACKAGE_VERSION, commit };
  const found = { figures, controls, failures, tookMs };
  writeFileSync(json, `${JSON.stringify({ ...report, ...found }, undefined, 2)}\n`);
}
process.exitCode = failures.length > 0 || tested.length === 0 ? 1 : 0;

function testAll(): Tested {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-properties-'));
  try {
    const outcome = join(dir, 'outcome.json');
    const args = ['run', '--project', 'fast', '.property.test.ts', '--reporter=json'];
    spawnSync('vitest', [...args, `--outputFile=${outcome}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, FC_RUNS: String(perHundred), FC_SEED: String(seed) },
    });
    return JSON.parse(readFileSync(outcome, 'utf8')) as Tested;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
