/**
 * System calls that fail: an agent with live tasks is held by strace, and its Nth call of one kind is answered with an
 * error, or answered so from then on, or kills it. After each such life the tasks are looked at from outside, and the
 * next life must know everything that was acknowledged. N goes 1, 2, 3 … until none is left, in turn for every kind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Drill, Findings } from './drill.ts';
import { isRunning, processesWith, signalAll } from './processes.ts';

const PROGRAM = new URL('programs/agent-life.ts', import.meta.url).pathname;
/** A life takes a second; one that is not over after so long hangs. */
const PATIENCE_MS = 45_000;

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
];

export const systemCallFaults: Drill = {
  name: 'failing system calls',
  promise:
    'a system call that fails hurts no running task, and costs nothing that was acknowledged',
  tools: ['strace'],
  privileges: ['tracing'],
  cases: { share: 7, full: 300 },
  async run(findings, cases) {
    using machine = new Machine(findings);
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
  },
};

interface Life {
  readonly words: readonly (readonly unknown[])[];
  readonly isHit: boolean;
  readonly end: string;
  readonly errors: string;
}

class Machine {
  readonly #findings: Findings;
  readonly #home = mkdtempSync(join(tmpdir(), 'hf-sys-'));
  readonly #dataDir = join(this.#home, 'd');
  readonly #ledger = join(this.#home, 'ledger');
  #lives = 0;
  readonly #accepted = new Set<string>();
  readonly #ended = new Map<string, unknown>();
  readonly #services = new Map<string, number>();

  constructor(findings: Findings) {
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
    const isWhole = life.words.some(([word]) => word === 'left');
    if (inject === undefined || isWhole) return life.isHit;
    this.#findings.count('lives cut short');
    await this.live(`the life after ${name}`);
    return life.isHit;
  }

  async #oneLife(inject: string | undefined): Promise<Life> {
    const number = this.#lives;
    this.#lives += 1;
    const args = [PROGRAM, this.#dataDir, this.#ledger, String(number)];
    const env = { ...process.env, NODE_COMPILE_CACHE: join(this.#home, 'cache') };
    const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const ended = once(child, 'close');
    const heard = listen(child);
    await heard.first;
    const trace = join(this.#home, 'trace');
    rmSync(trace, { force: true });
    const tracer = inject === undefined ? undefined : await hold(child.pid ?? 0, inject, trace);
    child.stdin.on('error', () => undefined).end('go\n');
    const patience = setTimeout(() => child.kill('SIGQUIT'), PATIENCE_MS);
    const [code, signal] = (await ended) as [number | null, string | null];
    clearTimeout(patience);
    if (tracer !== undefined) await letGo(tracer);
    const isHit =
      existsSync(trace) &&
      / \((INJECTED|DELAYED)\)|\+\+\+ killed by SIGKILL/.test(readFileSync(trace, 'utf8'));
    return { words: heard.words(), isHit, end: signal ?? String(code), errors: heard.errors() };
  }

  /** What is wrong after a life, undefined when nothing is. */
  #complaintAbout(life: Life, isPlain: boolean): string | undefined {
    const said = (word: string) => life.words.filter(([first]) => first === word);
    if (life.end === 'SIGQUIT') return `it hangs after ${JSON.stringify(life.words.at(-1))}`;
    if (life.end !== '0' && life.end !== 'SIGKILL') return `it crashed: ${life.errors}`;
    const [refused] = said('refused');
    if (refused !== undefined) this.#findings.count(`refused with ${String(refused[1])}`);
    if (refused?.[1] === 'INTERNAL') return `no clear error: ${String(refused[2])}`;
    if (isPlain && refused !== undefined) return `refused: ${String(refused[2])}`;
    for (const [, allocId] of said('accepted')) this.#accepted.add(String(allocId));
    for (const [, allocId, code] of said('ended')) this.#ended.set(String(allocId), code);
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

  /** Nothing was started twice, and each service lives once. */
  #wrongLedger(): string | undefined {
    if (!existsSync(this.#ledger)) return undefined;
    const marks = readFileSync(this.#ledger, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]);
    const twice = marks.find((mark, index) => marks.indexOf(mark) !== index);
    if (twice !== undefined) return `${twice} was started twice`;
    const services = processesWith('exec sleep 1000000').length;
    return services > 1 ? `${services} of task steady live` : undefined;
  }
}

function listen(child: ChildProcess) {
  let text = '';
  let errors = '';
  const first = Promise.withResolvers<void>();
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    if (text.includes('\n')) first.resolve();
  });
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => (errors += piece));
  child.once('close', () => first.resolve());
  return {
    first: first.promise,
    words: () =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as readonly unknown[]),
    errors: () => errors,
  };
}

/** Resolves when strace has every thread. Processes that are started later are held too. */
async function hold(pid: number, inject: string, trace: string): Promise<ChildProcess> {
  const calls = inject.slice(0, inject.indexOf(':'));
  const args = [
    '-f',
    '-p',
    String(pid),
    '-e',
    `trace=${calls}`,
    '-e',
    `inject=${inject}`,
    '-o',
    trace,
  ];
  const tracer = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  tracer.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  while (!said.includes('attached')) {
    if (tracer.exitCode !== null) throw new Error(`strace ended: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return tracer;
}

/** Hosts that were started meanwhile go on without it. */
async function letGo(tracer: ChildProcess): Promise<void> {
  if (tracer.exitCode !== null || tracer.signalCode !== null) return;
  const ended = once(tracer, 'exit');
  tracer.kill('SIGINT');
  await ended;
}
