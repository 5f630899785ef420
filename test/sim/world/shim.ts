/**
 * The shim of one run, step by step as `src/processes/executor-host/shim.ts` takes them: it wins `fate`, lets a child
 * write its identity and become the program, waits, and writes `exit`. It may be slow, stand still or die anywhere.
 */
import { dirname } from 'node:path';
import type { Inode } from './disk.ts';
import { shellStatOf } from './procfs.ts';
import type { Process } from './processes.ts';
import { becomeProgram, type ProgramEnd } from './program.ts';
import { Killed, type World } from './world.ts';

export interface ShimWish {
  readonly runDir: string;
  readonly stdoutFifo: string;
  readonly stderrFifo: string;
}

export interface RunFacts {
  readonly launchKey: string;
  readonly allocId: string;
  readonly task: string;
  readonly run: number;
  readonly mark: string;
  /** Path of the cgroup that its child joins. */
  readonly cgroup?: string;
}

export function beginShim(world: World, me: Process, wish: ShimWish): void {
  const intent = world.disk.find(`${wish.runDir}/intent`)?.text ?? '{}';
  const facts = JSON.parse(intent) as Omit<RunFacts, 'launchKey'>;
  const launchKey = wish.runDir.slice(wish.runDir.lastIndexOf('/') + 1);
  new Shim(world, me, wish, { ...facts, launchKey }).begin();
}

class Shim {
  readonly #world: World;
  readonly #me: Process;
  readonly #wish: ShimWish;
  readonly #facts: RunFacts;
  #hasRecorded = false;

  constructor(world: World, me: Process, wish: ShimWish, facts: RunFacts) {
    this.#world = world;
    this.#me = me;
    this.#wish = wish;
    this.#facts = facts;
  }

  begin(): void {
    const { ledger } = this.#world;
    this.#me.onEnd.push(() => {
      if (!this.#hasRecorded) ledger.wound(this.#facts.launchKey, 'its shim died');
    });
    this.#step(this.#me, 'opens life', () => this.#openLife());
  }

  /** The next thing that a process does, a while later. */
  #step(who: Process, label: string, work: () => void): void {
    const world = this.#world;
    const slowMs = world.faults.strike('slowShim', label)
      ? world.chance.pick([30, 400, 5_000, 70_000])
      : world.latencyMs;
    world.scheduler.after(slowMs, who, label, () => {
      try {
        if (who === this.#me) world.interrupt(`before ${label}`);
        world.note(`${label} (${this.#facts.launchKey})`);
        work();
        if (who === this.#me) world.interrupt(`after ${label}`);
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
    });
  }

  #file(name: string): string {
    return `${this.#wish.runDir}/${name}`;
  }

  #openLife(): void {
    const { disk } = this.#world;
    const held = [this.#wish.stdoutFifo, this.#wish.stderrFifo, this.#file('life')];
    const inodes = held.map((path) => disk.find(path));
    if (inodes.includes(undefined)) return this.#exit();
    for (const inode of inodes) disk.open(inode as Inode, this.#me, true, true);
    this.#step(this.#me, 'makes fate', () => this.#makeFate());
  }

  #exit(): void {
    this.#hasRecorded = true;
    this.#world.processes.end(this.#me);
  }

  /** `set -C`: whoever makes the file has won, and only then writes into it. */
  #makeFate(): void {
    const { disk, wallMs } = this.#world;
    const path = this.#file('fate');
    if (disk.find(path) !== undefined || !this.#canWrite(path)) return this.#exit();
    const fate = disk.make(path, 'file', wallMs);
    this.#step(this.#me, 'writes fate', () => {
      if (!this.#canWrite(path)) return this.#exit();
      fate.text += `launch ${twice(shellStatOf(this.#me))}`;
      fate.mtimeMs = this.#world.wallMs;
      this.#step(this.#me, 'forks', () => this.#fork());
    });
  }

  /** The shell's redirection fails where there is no room, or no directory any more. */
  #canWrite(path: string): boolean {
    const { disk } = this.#world;
    if (disk.find(dirname(path)) === undefined) return false;
    if (!disk.isFull) return true;
    disk.spareWrites -= 1;
    return disk.spareWrites >= 0;
  }

  #fork(): void {
    const world = this.#world;
    const { commandLine } = this.#me;
    const child = world.spawn({ kind: 'program', parent: this.#me, commandLine });
    if (child === undefined) return this.#record({ code: 2, signal: null });
    child.onSignal = (signal) => {
      if (signal === 'SIGINT' || signal === 'SIGQUIT') return;
      this.#endChild(child, { code: null, signal });
    };
    for (const file of ['out', 'err', 'life'] as const) this.#inherit(child, file);
    this.#step(child, 'joins its cgroup', () => {
      const { cgroup } = this.#facts;
      if (cgroup !== undefined) {
        // The shell's redirection fails where there is no such cgroup: the child does not become the program.
        if (!world.cgroups.isDirectory(cgroup)) {
          return this.#endChild(child, { code: 126, signal: null, isExecRefused: true });
        }
        child.cgroup = cgroup;
      }
      this.#step(child, 'writes identity', () => this.#writeIdentity(child));
    });
    child.onEnd.push(() => {
      const end = this.#ends.get(child) ?? { code: null, signal: 'SIGKILL' };
      if (this.#me.isDead) return;
      this.#step(this.#me, 'counts its child', () => {
        world.processes.reap(child);
        this.#record(end);
      });
    });
  }

  readonly #ends = new Map<Process, ProgramEnd>();

  #endChild(child: Process, end: ProgramEnd): void {
    this.#ends.set(child, end);
    this.#world.processes.end(child);
  }

  #inherit(child: Process, file: 'out' | 'err' | 'life'): void {
    const { stdoutFifo, stderrFifo } = this.#wish;
    const path = { out: stdoutFifo, err: stderrFifo, life: this.#file('life') }[file];
    const inode = this.#world.disk.find(path);
    if (inode !== undefined) this.#world.disk.open(inode, child, true, true);
  }

  #writeIdentity(child: Process): void {
    const { disk, wallMs } = this.#world;
    const hasRoom = this.#canWrite(this.#file('identity'));
    // Its name takes no room, and no program runs that nobody can find.
    const identity = disk.make(this.#file('identity'), 'file', wallMs);
    if (!hasRoom) return this.#endChild(child, { code: 126, signal: null, isExecRefused: true });
    identity.text = twice(shellStatOf(child));
    const life = disk.find(this.#file('life'));
    life?.fifo?.waiting.push('\n');
    if (life?.fifo !== undefined) disk.wake(life.fifo);
    this.#step(child, 'executes the program', () => {
      becomeProgram(this.#world, child, this.#facts, this.#wish, (end) =>
        this.#endChild(child, end),
      );
    });
  }

  #record(end: ProgramEnd): void {
    this.#step(this.#me, 'writes exit', () => {
      const { disk, wallMs, faults, ledger } = this.#world;
      const path = this.#file('exit');
      if (!this.#canWrite(path)) {
        ledger.wound(this.#facts.launchKey, 'its exit could not be written');
        return this.#world.processes.end(this.#me);
      }
      const exit = disk.find(path) ?? disk.make(path, 'file', wallMs);
      exit.mtimeMs = wallMs;
      const text = exitText(end);
      if (faults.strike('killShim', 'in the middle of exit')) {
        exit.text += text.slice(0, this.#world.chance.below(text.length));
        return this.#world.kill(this.#me, 'in the middle of exit');
      }
      exit.text += text;
      this.#hasRecorded = true;
      this.#step(this.#me, 'syncs exit', () => {
        disk.sync(exit);
        this.#world.processes.end(this.#me);
      });
    });
  }
}

function twice(line: string): string {
  return `${line}again ${line}`;
}

const NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGTERM: 15,
};

function exitText({ code, signal, isExecRefused = false }: ProgramEnd): string {
  const lines =
    signal === null
      ? [`code ${code}`, ...(isExecRefused ? ['exec-failed'] : []), `[1] + Done(${code})  program`]
      : [`code ${128 + (NUMBERS[signal] ?? 15)}`, '[1] + Terminated  program'];
  return `${lines.join('\n')}\n\n.\n`;
}
