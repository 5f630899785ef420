/**
 * System calls that fail: an agent with live tasks is held by strace, and its Nth call of one kind is answered with an
 * error, or answered so from then on, or kills it. After each such life the tasks are looked at from outside, and the
 * next life must know everything that was acknowledged. N goes 1, 2, 3 … until none is left, in turn for every kind.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Drill, Findings } from './drill.ts';
import type { Patch } from '../patch.ts';
import { copyPackage } from './patched-copy.ts';
import { isRunning, processesWith, signalAll } from './processes.ts';
import { type Life, liveTraced } from './traced-life.ts';

const PACKAGE = new URL('../../', import.meta.url).pathname;
/** Errors as strace names them. `KILL` is no error: the call is its last. */
const FAULTS: readonly (readonly [calls: string, fault: string])[] = [
  ['pwrite64', 'ENOSPC'],
  ['pwrite64', 'EIO'],
  ['pwrite64', 'KILL'],
  ['fsync', 'EIO'],
  ['fdatasync', 'EIO'],
  ['fsync,fdatasync', 'KILL'],
  ['rename', 'ENOSPC'],
  ['rename', 'KILL'],
  ['openat', 'EMFILE'],
  ['openat', 'ENFILE'],
  ['openat', 'EIO'],
  ['openat', 'KILL'],
  ['mkdir', 'ENOSPC'],
  ['socket', 'EMFILE'],
  ['pipe2', 'EMFILE'],
  ['unlink', 'EIO'],
  ['ftruncate', 'ENOSPC'],
  ['pread64', 'EIO'],
  ['statfs', 'EIO'],
  ['clone,clone3,vfork', 'EAGAIN'],
  ['openat', 'EROFS'],
  ['pwrite64', 'EROFS'],
  ['mkdir,rename,unlink', 'EROFS'],
];

/** An append that fails is taken for one that went well. */
const SWALLOWING: readonly Patch[] = [
  {
    file: 'src/log/row-event-log.ts',
    find: 'this.#store.write(rows);',
    replace: 'try { this.#store.write(rows); } catch {}',
  },
];

export const systemCallFaults: Drill = {
  name: 'failing system calls',
  promise:
    'a system call that fails hurts no running task, and costs nothing that was acknowledged',
  tools: ['strace'],
  privileges: ['tracing'],
  mutants: [SWALLOWING],
  cases: { share: 7, full: 340 },
  async run(findings, cases) {
    using machine = new Machine(PACKAGE, findings);
    await machine.live('the first life');
    const order = FAULTS.map((fault) => ({ fault, nth: 1, random: findings.random() }));
    order.sort((left, right) => left.random - right.random);
    for (let done = 0; done < cases && order.length > 0; done += 1) {
      const next = order.shift();
      if (next === undefined) break;
      const [calls, fault] = next.fault;
      // From some call on all of them fail, as on a disk that stays full.
      const lasting = fault !== 'KILL' && findings.random() < 0.3 ? '+' : '';
      const inject = fault === 'KILL' ? 'signal=KILL' : `error=${fault}`;
      const name = `${calls} ${fault} at ${next.nth}${lasting}`;
      const isHit = await machine.live(name, `${calls}:${inject}:when=${next.nth}${lasting}`);
      findings.count(isHit ? 'faults hit' : 'kinds gone through');
      // A share of CI goes in strides, to see some of the late ones too.
      const stride = cases < 50 ? findings.between(1, 12) : findings.between(1, 4);
      if (isHit) order.push({ ...next, nth: next.nth + stride });
    }
    await machine.live('the last life');
    await control(findings);
  },
};

/** The same on a disk that takes nothing more, by an agent that does not notice: some of what it accepted is gone. */
async function control(findings: Findings): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'hf-swallowing-'));
  const found = new Findings(findings.seed);
  try {
    copyPackage(home, SWALLOWING);
    using machine = new Machine(home, found);
    await machine.live('the first life');
    // Calls before these open the store, which fails without any append.
    for (let nth = 14; nth < 40 && found.failures.length === 0; nth += 6) {
      await machine.live(`all writes fail from ${nth} on`, `pwrite64:error=ENOSPC:when=${nth}+`);
      await machine.live('the next life');
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
  const [first] = found.failures;
  const text = first === undefined ? 'nothing was noticed' : `${first.case}: ${first.text}`;
  findings.control('an append whose error is swallowed', first !== undefined, text);
}

/** Task steady, as the process table shows its words. */
const SLEEP = 'sleep\u00001000000\0';

class Machine {
  readonly #program: string;
  readonly #findings: Findings;
  readonly #home = mkdtempSync(join(tmpdir(), 'hf-sys-'));
  readonly #dataDir = join(this.#home, 'd');
  readonly #ledger = join(this.#home, 'ledger');
  #lives = 0;
  readonly #accepted = new Set<string>();
  readonly #services = new Map<string, number>();

  constructor(root: string, findings: Findings) {
    this.#program = join(root, 'test/faults/programs/agent-life.ts');
    this.#findings = findings;
  }

  [Symbol.dispose](): void {
    signalAll(this.#home, 'SIGKILL');
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 10 });
  }

  /** One life, with a fault or without; true when the fault was hit. After one that did not go through: one more. */
  async live(name: string, inject?: string): Promise<boolean> {
    const life = await this.#oneLife(inject);
    const complaint = this.#complaintAbout(life, inject === undefined);
    if (complaint !== undefined) this.#findings.fail(name, complaint);
    if (life.wasHeldUp) this.#findings.count('lives held up until the fault ended');
    const isWhole = life.words.some(([word]) => word === 'left');
    if (inject === undefined || isWhole) return life.hit !== undefined;
    this.#findings.count('lives cut short');
    await this.live(`the life after ${name}`);
    return life.hit !== undefined;
  }

  #oneLife(inject: string | undefined): Promise<Life> {
    const args = [this.#program, this.#dataDir, this.#ledger, String(this.#lives)];
    this.#lives += 1;
    return liveTraced(args, this.#home, inject);
  }

  /** What is wrong after a life, undefined when nothing is. */
  #complaintAbout(life: Life, isPlain: boolean): string | undefined {
    const said = (word: string) => life.words.filter(([first]) => first === word);
    if (life.end === 'SIGQUIT') {
      return `it hangs after ${JSON.stringify(life.words.at(-1))}: ${life.hit}`;
    }
    if (life.end !== 'SIGTERM' && life.end !== 'SIGKILL') return `it crashed: ${life.errors}`;
    const [refused] = said('refused');
    if (refused !== undefined) this.#findings.count(`refused with ${String(refused[1])}`);
    if (refused?.[1] === 'INTERNAL') return `no clear error: ${String(refused[2])}`;
    if (isPlain && refused !== undefined) return `refused: ${String(refused[2])}`;
    for (const [, allocId] of said('accepted')) this.#accepted.add(String(allocId));
    return this.#wrongTask(said('task'), isPlain) ?? this.#wrongLedger();
  }

  #wrongTask(tasks: readonly (readonly unknown[])[], isPlain: boolean): string | undefined {
    const known = new Map(tasks.map((words) => [String(words[1]), words]));
    for (const name of ['steady', 'loud']) {
      const words = known.get(name);
      const pid = Number(words?.[4]);
      const before = this.#services.get(name);
      if (before === undefined && words !== undefined) this.#services.set(name, pid);
      if (before !== undefined && !isRunning(before)) return `task ${name} was hurt`;
      const isAsBefore = before === undefined || (words?.[3] === 'running' && pid === before);
      if (isPlain && !isAsBefore) return `task ${name} is ${JSON.stringify(words)}, was ${before}`;
    }
    if (!isPlain) return undefined;
    for (const allocId of this.#accepted) {
      if (!known.has(allocId) && allocId !== `short-${this.#lives - 1}`) {
        return `${allocId} was accepted and is not known`;
      }
    }
    for (const [, allocId, , state, , , exitCode] of tasks) {
      const expected = Number(/^short-(\d+)$/.exec(String(allocId))?.[1] ?? Number.NaN) % 100;
      if (exitCode !== null && !Number.isNaN(expected) && exitCode !== expected) {
        return `${JSON.stringify([allocId, exitCode, state])} is not how it ended`;
      }
    }
    return undefined;
  }

  /** Nothing was started twice, by whatever run, and each service lives once. */
  #wrongLedger(): string | undefined {
    if (!existsSync(this.#ledger)) return undefined;
    const names = readFileSync(this.#ledger, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) return `${twice} was started twice`;
    const ours = new Set(processesWith(this.#home));
    const services = processesWith(SLEEP).filter((pid) => ours.has(pid)).length;
    return services > 1 ? `${services} of task steady live` : undefined;
  }
}
