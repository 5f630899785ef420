/** The simulator's share of every run: some thousands of histories, those that went wrong once, and its controls. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MUTANTS } from './mutants.ts';

/** Generous: a busy machine is not a failure. */
const DEADLINE_MS = 1_200_000;

interface Report {
  readonly figures: Readonly<Record<string, number>>;
  readonly controls: Readonly<Record<string, string>>;
  readonly failures: readonly { readonly seed: number; readonly text: string }[];
}

const dir = mkdtempSync(join(tmpdir(), 'hf-sim-'));
afterAll(() => rmSync(dir, { recursive: true }));

/** What a run of the programme says; its own words are in the error when it ends badly without a report. */
function simulate(name: string, ...args: string[]): Promise<Report> {
  const file = join(dir, `${name}.json`);
  const script = join(import.meta.dirname, 'run.ts');
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [script, ...args, '--json', file], (error, stdout) => {
      try {
        resolve(JSON.parse(readFileSync(file, 'utf8')) as Report);
      } catch {
        reject(new Error(stdout, { cause: error }));
      }
    });
  });
}

describe('the simulator', () => {
  it('finds nothing wrong in the histories of every run', { timeout: DEADLINE_MS }, async () => {
    const { figures, failures } = await simulate('seeds', '--seeds', '1500', '--regressions');
    expect(failures).toEqual([]);
    expect(figures).toMatchObject({ seeds: 1_500, failing: 0 });
    expect(figures['notRepeatable'] ?? 0).toBe(0);
    expect(figures['crashes']).toBeGreaterThan(1_000);
  });

  it('catches every control that must fail', { timeout: DEADLINE_MS }, async () => {
    const { controls } = await simulate('controls', '--seeds', '0', '--mutants');
    const caught = Object.entries(controls).filter(([, text]) => text.startsWith('caught'));
    expect(caught.map(([name]) => name)).toEqual(MUTANTS.map(({ name }) => name));
  });
});
