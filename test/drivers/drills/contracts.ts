/** The contract of drivers, for every driver that there is, and what only the real ones can show of groups. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Drill } from '../../faults/drill.ts';

const ROOT = new URL('../../../', import.meta.url).pathname;
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');

/** Suites that CI runs beside each driver. The names of their drivers are those of the report. */
const SUITES: Readonly<Record<string, string>> = {
  raw_exec: 'test/drivers/raw-exec.int.test.ts',
  exec: 'test/drivers/exec-contract.root.test.ts',
  java: 'test/drivers/java-contract.root.test.ts',
  'java, in the network of its group too': 'test/drivers/java.root.test.ts',
  docker: 'test/docker/docker-contract.root.test.ts',
  mock: 'test/drivers/mock-driver.test.ts',
  'a driver in its own process': 'test/plugin/plugin-driver.int.test.ts',
  'mutants of each rule': 'test/testing/driver-contract.test.ts',
};

interface Results {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

export const contracts: Drill = {
  name: 'contracts',
  promise: 'every driver keeps the contract',
  tools: ['dockerd', 'nsenter', 'java', 'runc'],
  privileges: ['root'],
  cases: { share: 0, full: Object.keys(SUITES).length },
  async run(findings) {
    for (const [driver, file] of Object.entries(SUITES)) {
      await findings.attempt(driver, async () => {
        const { numPassedTests, numFailedTests, testResults } = await resultsOf(file);
        if (numPassedTests + numFailedTests === 0) throw new Error(`${file} has no tests`);
        findings.figures[`${driver}: tests passed`] = numPassedTests;
        for (const { assertionResults } of testResults) {
          for (const { status, fullName, failureMessages } of assertionResults) {
            if (status === 'failed') findings.fail(fullName, failureMessages.join(' '));
          }
        }
      });
    }
  },
};

async function resultsOf(file: string): Promise<Results> {
  const dir = mkdtempSync(join(tmpdir(), 'hf-contracts-'));
  try {
    const outputFile = join(dir, 'results.json');
    const args = [VITEST, 'run', file, '--reporter', 'json', '--outputFile', outputFile];
    const said = await new Promise<string>((resolve) => {
      const options = { cwd: ROOT, env: { ...process.env, CI: 'true' } };
      execFile(process.execPath, args, options, (_, stdout, stderr) => resolve(stdout + stderr));
    });
    if (!existsSync(outputFile)) throw new Error(said.slice(-2_000));
    return JSON.parse(readFileSync(outputFile, 'utf8')) as Results;
  } finally {
    rmSync(dir, { recursive: true });
  }
}
