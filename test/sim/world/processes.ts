/**
 * The process table of the simulated machine: few pids, which are given out again soon, kernel start times, parents,
 * sessions, zombies, and signals that reach whoever has the pid now.
 */
import { Life, type Scheduler } from '../scheduler.ts';

export type ProcessKind =
  | 'init'
  | 'agent'
  | 'executor host'
  | 'logmon host'
  | 'shim'
  | 'program'
  | 'leftover'
  | 'command'
  | 'foreign';

export interface ProcessWish {
  readonly kind: ProcessKind;
  readonly parent?: Process | undefined;
  /** `NAME=value`, each ended by a NUL byte, as in /proc. */
  readonly environment?: string;
  readonly commandLine?: string;
  /** Begins a session of its own; otherwise it is in its parent's. */
  readonly leads?: boolean;
}

export class Process extends Life {
  readonly kind: ProcessKind;
  readonly pid: number;
  readonly startTime: string;
  parent: Process | undefined;
  session: number;
  group: number;
  environment: string;
  commandLine: string;
  /** Below the mount point; `''` is the top. */
  cgroup: string;
  isZombie = false;
  /** How it ended, for whoever counts it; a program's shim keeps its own account. */
  status: { code: number | null; signal: string | null } = { code: null, signal: 'SIGKILL' };
  /** Its orphaned descendants become its children. */
  isSubreaper = false;
  /** Called for what is not decided by the kernel alone (KILL, STOP, CONT). */
  onSignal: ((signal: string) => void) | undefined;
  readonly handlers = new Map<string, (() => void)[]>();
  /** Called once, right after it died. */
  readonly onEnd: (() => void)[] = [];

  constructor(pid: number, startTime: string, wish: ProcessWish) {
    super(`${wish.kind} ${pid}`);
    const { kind, parent, environment = '', commandLine = kind, leads = false } = wish;
    this.kind = kind;
    this.pid = pid;
    this.startTime = startTime;
    this.parent = parent;
    this.session = leads ? pid : (parent?.session ?? pid);
    this.group = leads ? pid : (parent?.group ?? pid);
    this.environment = environment;
    this.commandLine = commandLine;
    this.cgroup = parent?.cgroup ?? '';
  }
}

export type SignalHeard = (target: Process, signal: string, sender: Life) => void;

const FIRST_PID = 2;
/** What init needs to count an orphan that ended: until then it is a zombie. */
const INIT_REAPS_AFTER_MS = 40;

export class Processes {
  readonly #scheduler: Scheduler;
  readonly #pidLimit: number;
  readonly #table = new Map<number, Process>();
  readonly #heard: SignalHeard;
  #lastPid = FIRST_PID - 1;
  #lastTick = 0;
  #bootedAtMs = 0;
  #boots = 1;

  constructor(scheduler: Scheduler, pidLimit: number, heard: SignalHeard) {
    this.#scheduler = scheduler;
    this.#pidLimit = pidLimit;
    this.#heard = heard;
  }

  get bootId(): string {
    return `boot-${this.#boots}`;
  }
  get uptimeMs(): number {
    return this.#scheduler.nowMs - this.#bootedAtMs;
  }
  /** Every entry of the table, zombies too. */
  get all(): readonly Process[] {
    return [...this.#table.values()];
  }
  get living(): readonly Process[] {
    return this.all.filter((one) => !one.isZombie);
  }
  find(pid: number): Process | undefined {
    return this.#table.get(pid);
  }

  /** Undefined when every pid is taken. */
  spawn(wish: ProcessWish): Process | undefined {
    for (let tries = 0; tries < this.#pidLimit; tries += 1) {
      this.#lastPid = this.#lastPid >= this.#pidLimit ? FIRST_PID : this.#lastPid + 1;
      if (this.#table.has(this.#lastPid)) continue;
      // Two processes with one pid never have one start time: a pid comes round slower than the clock ticks.
      this.#lastTick = Math.max(this.#lastTick + 1, Math.floor(this.uptimeMs / 10));
      const made = new Process(this.#lastPid, String(this.#lastTick), wish);
      this.#table.set(made.pid, made);
      return made;
    }
    return undefined;
  }

  /** Ends a process: its children find a new parent, and its own parent must count it. */
  end(process: Process): void {
    if (process.isDead) return;
    process.isDead = true;
    process.isZombie = true;
    for (const child of this.all) if (child.parent === process) this.#reparent(child);
    for (const ended of process.onEnd.splice(0)) ended();
    this.#tellParent(process);
  }

  #reparent(child: Process): void {
    let parent = child.parent;
    while (parent !== undefined && (parent.isDead || !parent.isSubreaper)) parent = parent.parent;
    child.parent = parent;
    if (child.isZombie) this.#tellParent(child);
  }

  #tellParent(child: Process): void {
    const { parent } = child;
    if (parent === undefined || parent.isDead) {
      const reap = (): void => this.reap(child);
      this.#scheduler.after(INIT_REAPS_AFTER_MS, NATURE, 'init reaps', reap);
      return;
    }
    if (parent.kind === 'shim') return;
    if (parent.kind === 'agent') {
      this.reap(child);
      return;
    }
    const handlers = parent.handlers.get('SIGCHLD') ?? [];
    if (handlers.length === 0) return;
    this.#scheduler.at(this.#scheduler.nowMs, parent, 'SIGCHLD', () => {
      for (const handler of handlers) handler();
    });
  }

  reap(process: Process): void {
    if (process.isZombie && this.#table.get(process.pid) === process) {
      this.#table.delete(process.pid);
    }
  }

  childrenOf(process: Process): readonly Process[] {
    return this.all.filter((one) => one.parent === process);
  }

  /** kill(2): true when there was somebody; a negative pid means the group. */
  signal(pid: number, signal: string, sender: Life): boolean {
    const aimedAt = pid > 0 ? [this.#table.get(pid)] : this.all.filter((one) => one.group === -pid);
    let isAnybody = false;
    for (const target of aimedAt) {
      if (target === undefined) continue;
      isAnybody = true;
      if (!target.isZombie) this.#deliver(target, signal, sender);
    }
    return isAnybody;
  }

  #deliver(target: Process, signal: string, sender: Life): void {
    this.#heard(target, signal, sender);
    if (signal === 'SIGKILL') this.end(target);
    else if (signal === 'SIGSTOP') target.isStopped = true;
    else if (signal === 'SIGCONT') this.#scheduler.resume(target);
    else target.onSignal?.(signal);
  }

  /** The machine goes down: everything is gone at once, nobody is told, and pids begin anew. */
  reboot(): void {
    for (const process of this.all) {
      process.isDead = true;
      process.isZombie = true;
    }
    this.#table.clear();
    this.#boots += 1;
    this.#lastPid = FIRST_PID - 1;
    this.#lastTick = 0;
    this.#bootedAtMs = this.#scheduler.nowMs;
  }
}

/** What happens by itself, whatever lives or dies. */
export const NATURE = new Life('nature');
