/** The simulated machine as a whole, and the one simulation that is going on in this thread. */
import { Chance, hash } from '../chance.ts';
import { Faults, type FaultChoice, type FaultKind } from '../faults.ts';
import { type CommandEntry, Ledger, type Launch } from '../ledger.ts';
import { Scheduler, type Life } from '../scheduler.ts';
import { Cgroups } from './cgroups.ts';
import { Disk, type Fifo, type Inode } from './disk.ts';
import { NATURE, Process, Processes, type ProcessWish } from './processes.ts';
import { StoreFile } from './store-file.ts';

/** Thrown into a process that dies in the middle of a call: nothing that it still does has any effect. */
export class Killed extends Error {}
const KILLED = new Killed('this process was killed');

/** A Monday morning in 2026. */
const FIRST_WALL_MS = Date.UTC(2026, 8, 21, 6);

/** Who looks at what really happens, as it happens. */
export interface WorldWatcher {
  onSignal(target: Process, signal: string, sender: Life): void;
  onLaunch(launch: Launch): void;
  onCommand(command: CommandEntry): void;
  /** A logmon host is about to take what is in a FIFO. */
  onPump(collector: Process, fifo: Fifo): void;
  /** A process begins to start a logmon host; returns what is called when it has one, or none. */
  onCollectorStart(starter: Process): () => void;
}

export class World {
  readonly seed: number;
  readonly chance: Chance;
  /** What processes draw: identities, jitter. */
  readonly identities: Chance;
  readonly scheduler: Scheduler;
  readonly processes: Processes;
  readonly cgroups: Cgroups;
  readonly disk = new Disk();
  readonly store: StoreFile;
  /** By the path of the slave: what is typed, and what is shown. */
  readonly terminals = new Map<string, { readonly typed: Inode; readonly shown: Inode }>();
  readonly faults: Faults;
  readonly ledger = new Ledger();
  watcher: WorldWatcher | undefined;
  /** The agent that holds the lock of the data directory. */
  lockHolder: Process | undefined;
  /** Added to the wall clock by whoever turned it. */
  wallOffsetMs = 0;
  /** Whose code runs now. */
  current: Life = NATURE;
  /** Folds everything that happened: two equal histories have equal hashes. */
  digest = hash('');
  trace: string[] | undefined;

  constructor(seed: number, choice: FaultChoice = {}) {
    this.seed = seed;
    this.chance = new Chance(seed, 'world');
    this.identities = new Chance(seed, 'identities');
    this.scheduler = new Scheduler(new Chance(seed, 'schedule'));
    this.processes = new Processes(
      this.scheduler,
      this.chance.between(24, 60),
      (target, signal, sender) => {
        this.note(`${signal} reaches ${target.name}`);
        this.watcher?.onSignal(target, signal, sender);
      },
    );
    this.cgroups = new Cgroups(this.processes);
    this.faults = new Faults(seed, choice);
    this.store = new StoreFile(this);
  }

  get nowMs(): number {
    return this.scheduler.nowMs;
  }
  get wallMs(): number {
    return FIRST_WALL_MS + this.scheduler.nowMs + this.wallOffsetMs;
  }

  /** The process whose code runs now. */
  get self(): Process {
    if (this.current instanceof Process) return this.current;
    throw new Error(`${this.current.name} is no process`);
  }

  note(text: string): void {
    const line = `${this.nowMs} ${this.current.name}: ${text}`;
    this.digest = hash(line, this.digest);
    this.trace?.push(line);
  }

  spawn(wish: ProcessWish): Process | undefined {
    const made = this.processes.spawn(wish);
    made?.onEnd.push(() => {
      this.note(`${made.name} ends`);
      this.disk.closeAll(made);
    });
    return made;
  }

  kill(process: Process, why: string): void {
    this.note(`${process.name} is killed: ${why}`);
    this.processes.end(process);
  }

  /** A process may die or stand still right here. Called before and after whatever it does to the outside. */
  interrupt(where: string): void {
    const { current } = this;
    if (current.isDead) throw KILLED;
    if (!(current instanceof Process)) return;
    const [kill, stop] = INTERRUPTS[current.kind] ?? [];
    if (kill !== undefined && this.faults.strike(kill, where)) {
      this.kill(current, where);
      throw KILLED;
    }
    if (stop !== undefined && this.faults.strike(stop, where)) this.freeze(current, where);
  }

  /** For a look, which is too small to die in: but the dead do not look. */
  interruptDead(): void {
    if (this.current.isDead) throw KILLED;
  }

  /** Its next step comes later: from a tenth of a second to some minutes. */
  freeze(process: Process, where: string): void {
    const delayMs = this.chance.pick([100, 1_000, 10_000, 45_000, 200_000]);
    this.note(`${process.name} stands still for ${delayMs} ms: ${where}`);
    process.isStopped = true;
    this.scheduler.after(delayMs, NATURE, 'goes on', () => this.scheduler.resume(process));
  }

  /** Then a deadline may be decided long before it is recorded, which is when the world learns of it. */
  get agentsStandStill(): boolean {
    const { rates } = this.faults;
    return rates.has('stopAgent') || rates.has('twoAgents');
  }

  /** How long a small thing takes, in milliseconds. */
  get latencyMs(): number {
    return this.chance.pick([0, 0, 1, 1, 2, 5]);
  }
}

const INTERRUPTS: Readonly<Record<string, readonly FaultKind[]>> = {
  agent: ['killAgent', 'stopAgent'],
  'executor host': ['killExecutor', 'stopExecutor'],
  'logmon host': ['killLogmon'],
  shim: ['killShim', 'stopShim'],
};

let world: World | undefined;

export function theWorld(): World {
  if (world === undefined) throw new Error('no simulation is going on');
  return world;
}

export function enterWorld(entered: World | undefined): void {
  world = entered;
}
