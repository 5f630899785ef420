/** Says what a test run waits for when nothing in it has ended for a while, so that a run that was cut off tells why. */
import { execFile } from 'node:child_process';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

const QUIET_MS = 120_000;
const MOST_PROCESSES = 80;
const WIDTH = 160;

const nameOf = (test: TestCase): string => `${test.module.relativeModuleId} > ${test.fullName}`;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

export class StallReporter implements Reporter {
  readonly #modules = new Map<string, string>();
  readonly #tests = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;

  onTestRunStart(): void {
    this.#moved();
  }

  onTestModuleStart(module: TestModule): void {
    this.#modules.set(module.id, module.relativeModuleId);
    this.#moved();
  }

  onTestModuleEnd(module: TestModule): void {
    this.#modules.delete(module.id);
    this.#moved();
  }

  onTestCaseReady(test: TestCase): void {
    this.#tests.set(test.id, nameOf(test));
  }

  onTestCaseResult(test: TestCase): void {
    this.#tests.delete(test.id);
    this.#moved();
  }

  onTestRunEnd(): void {
    clearTimeout(this.#timer);
  }

  #moved(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(), QUIET_MS).unref();
  }

  #tell(): void {
    const under = this.#tests.size > 0 ? this.#tests.values() : this.#modules.values();
    const waits = [...under].join('\n  ') || 'no test: a file is being loaded, or its process ends';
    say(`nothing ended for ${QUIET_MS / 1000} s, what is under way:\n  ${waits}`);
    const columns = 'pid,ppid,stat,etimes,wchan:20,args';
    execFile('ps', ['-e', '--sort=start_time', '-o', columns], (_error, stdout) => {
      const lines = stdout.split('\n').filter((line) => !/ \[[^\]]*\]$/.test(line));
      for (const line of lines.slice(-MOST_PROCESSES)) say(line.slice(0, WIDTH));
    });
    this.#timer = setTimeout(() => this.#tell(), QUIET_MS * 4).unref();
  }
}
