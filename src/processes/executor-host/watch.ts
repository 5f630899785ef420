import { constants, openSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { isOfKill } from '../../os/cgroup-oom.ts';
import { adoptOrphans, reap } from '../../os/libc.ts';
import { isAlive, type Life } from '../../os/process-identity.ts';
import { programByMark } from '../../os/process-tree.ts';
import { conmonLife, lifeOf, readExit, readFate, readIdentity } from '../../os/run-directory.ts';
import { hasContainer } from '../../os/oci-files.ts';
import { isOwnHost } from '../../rpc/host-process.ts';
import { letGo, removeUnidentified } from './container.ts';
import type { End, Run } from './run.ts';
import { oomKillsOf } from './run-cgroup.ts';

/** How often a program is looked at whose shim was killed, so that nobody tells of its end. */
const ORPHAN_POLL_MS = 250;

/** What this host must not count, as sessions do. */
export interface SessionChildren {
  /** Pids of commands. */
  readonly ownChildren: Set<number>;
  /** Sessions whose command becomes a child any moment. */
  readonly expected: Set<string>;
  /** Counts what has ended and is nobody's. */
  strays(): unknown;
}

/**
 * Learns of the end of every run. Of a shim that is our child by SIGCHLD, of another one's by the end of `life`, of a
 * program without a shim by looking. What is told is always read from the run's files.
 */
export class Watch implements SessionChildren {
  readonly #machineEpoch: string;
  readonly #ended: (run: Run) => void;
  readonly #own = new Set<Run>();
  readonly ownChildren = new Set<number>();
  readonly expected = new Set<string>();
  readonly #adoptsOrphans: boolean;

  /** `ended` is called once for every run, when its `end` is known. */
  constructor(machineEpoch: string, ended: (run: Run) => void) {
    this.#machineEpoch = machineEpoch;
    this.#ended = ended;
    this.#adoptsOrphans = adoptOrphans();
    process.on('SIGCHLD', () => {
      this.#countChildren();
      this.strays();
    });
  }

  /**
   * Children of this host that are no shim of its own: what programs left behind when they ended, whatever session it
   * is in. Those that have ended are counted here. Undefined where the kernel does not tell. A tree of processes that
   * was started by this host, whose shim has ended and that left no stray is empty, and no scan need prove it.
   */
  strays(): readonly number[] | undefined {
    if (!this.#adoptsOrphans) return undefined;
    let text: string;
    try {
      text = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1');
    } catch {
      return undefined;
    }
    if (text === '') return [];
    const shims = new Set<number>();
    for (const { ownShim } of this.#own) if (ownShim !== undefined) shims.add(ownShim);
    const pids = text
      .split(' ')
      .filter((pid) => pid !== '')
      .map(Number);
    return pids.filter((pid) => {
      if (shims.has(pid) || isOwnHost(pid)) return false;
      return this.#isKept(pid) || !reap(pid);
    });
  }

  #isKept(pid: number): boolean {
    return this.ownChildren.has(pid) || this.expected.size > 0;
  }

  /** Watches a run whose shim was just started by this host. */
  ownShim(run: Run, pid: number): void {
    run.ownShim = pid;
    run.startedShim = pid;
    this.#own.add(run);
  }

  /** Takes up a run from its files: finds out what is left of it and watches that, or knows its end at once. */
  takeUp(run: Run): void {
    this.release(run);
    if (run.end !== undefined || run.ownShim !== undefined) return;
    this.noticeProgram(run);
    const shim = this.#shimLife(run);
    if (shim === 'alive') return this.#followLife(run);
    if (shim === 'unknown') return this.#lookLater(run);
    const end = this.#endWithoutShim(run);
    if (end === undefined) return this.#lookLater(run);
    // crash point: executor.end.before
    run.end = end;
    run.wasOutOfMemory = end.is === 'exited' && isOfKill(end.record) && oomKillsOf(run.cgroup) > 0;
    this.#ended(run);
    run.wake();
    // crash point: executor.end.told
  }

  /** Reads the program's identity as soon as it is on disk. */
  noticeProgram(run: Run): void {
    if (run.program !== undefined) return;
    const found = readIdentity(run.dir);
    if (found.is !== 'whole') return;
    const { pid, startTime, writtenAtMs } = found.value;
    const startedAtMs = Math.round(writtenAtMs);
    run.program = { pid, startTime, machineEpoch: this.#machineEpoch, startedAtMs };
  }

  /** For a run without an identity on disk: that may be damaged, and the program lives. Takes milliseconds. */
  findProgram(run: Run): Life {
    const found = programByMark(run.mark, this.#machineEpoch);
    if (found === 'none') return 'dead';
    if (found === 'unknown') return 'unknown';
    run.program = { ...found, startedAtMs: Date.now() };
    return 'alive';
  }

  /** Stops watching; the run goes on. */
  release(run: Run): void {
    run.stopWatching?.();
    run.stopWatching = undefined;
  }

  /**
   * Wakes the run when its shim writes to `life`, which says that the identity is on disk. Opened before the shim is
   * started; until then nobody has it open for writing, which the kernel does not call an end.
   */
  listen(run: Run): void {
    this.release(run);
    const socket = openLife(run);
    socket.on('data', () => run.wake());
    run.stopWatching = () => socket.destroy();
  }

  #countChildren(): void {
    for (const run of this.#own) {
      if (run.ownShim === undefined || !reap(run.ownShim)) continue;
      // crash point: executor.shim.reaped
      this.#own.delete(run);
      run.ownShim = undefined;
      this.takeUp(run);
    }
  }

  #shimLife(run: Run): Life {
    const fate = readFate(run.dir);
    if (fate.is === 'unreadable') return 'unknown';
    if (fate.is === 'whole' && fate.value.verdict === 'launch') {
      return isAlive({ ...fate.value.shim, machineEpoch: this.#machineEpoch }, this.#machineEpoch);
    }
    // Which shim it was is damaged: as long as anybody holds `life` it may be there, and write how the run ended.
    if (fate.is === 'broken' && run.program !== undefined) {
      return lifeOf(run.dir) === 'dead' ? 'dead' : 'unknown';
    }
    return 'dead';
  }

  /** The shim is dead, so that its files do not change any more. Undefined while something of the run may live. */
  #endWithoutShim(run: Run): End | undefined {
    // conmon ends after it has written what became of the program: looked at in this order, nothing is missed.
    const mayBeTold = conmonLife(run.dir) !== 'dead';
    const exit = readExit(run.dir);
    if (exit.is === 'whole') return { is: 'exited', record: exit.value };
    const fate = readFate(run.dir);
    // What cannot be read now may be read later: only what is there, or is not, tells anything.
    if ([exit, fate, readIdentity(run.dir)].some(({ is }) => is === 'unreadable')) return undefined;
    if (fate.is === 'whole' && fate.value.verdict === 'abort') return { is: 'aborted' };
    const isUnknown = fate.is === 'absent' || fate.is === 'broken';
    if (isUnknown && run.program === undefined) {
      if (fate.is === 'broken' && this.findProgram(run) !== 'dead') return undefined;
      // A shim that has made its fate may stand still before it writes it.
      if (fate.is === 'broken' && lifeOf(run.dir) !== 'dead') return undefined;
      const reason = 'the shim ended before it could start the program';
      return { is: 'never', reason, hadWinner: false };
    }
    if (run.program === undefined) {
      // The shim's child may be about to write the identity; it holds `life` until the program is executed.
      if (lifeOf(run.dir) !== 'dead') return undefined;
      this.noticeProgram(run);
      if (run.program === undefined && this.findProgram(run) === 'dead') {
        if (hasContainer(run.dir) && !removeUnidentified(run.dir)) return undefined;
        const reason = 'the shim could not start a process for the program';
        return { is: 'never', reason, hadWinner: true };
      }
      if (run.program === undefined) return undefined;
    }
    letGo(run.dir);
    if (mayBeTold || isAlive(run.program, this.#machineEpoch) !== 'dead') return undefined;
    // conmon says how a container ended, whatever became of the shim.
    const killed = hasContainer(run.dir) ? 'conmon' : 'its shim';
    const gone = isUnknown ? 'its files are gone' : `${killed} was killed`;
    const why = exit.is === 'absent' ? gone : 'its exit record is damaged';
    return { is: 'lost', reason: `${why}: nobody knows the exit status`, maybeRan: true };
  }

  /** The end of `life` comes however the shim dies. */
  #followLife(run: Run): void {
    let socket: Socket;
    try {
      socket = openLife(run);
    } catch {
      // Nobody may be there to catch it, and it may be opened later.
      return this.#lookLater(run);
    }
    const again = (): void => {
      socket.destroy();
      // A stranger that looked at `life` and left ends it too, while the shim lives on.
      if (this.#shimLife(run) === 'alive') this.#lookLater(run);
      else this.takeUp(run);
    };
    socket.on('data', () => {
      this.noticeProgram(run);
      run.wake();
    });
    socket.once('end', again);
    run.stopWatching = () => socket.destroy();
    // It may have ended before `life` was open, and nobody tells a late reader.
    if (this.#shimLife(run) !== 'alive') this.#lookLater(run);
  }

  #lookLater(run: Run): void {
    this.release(run);
    const timer = setTimeout(() => this.takeUp(run), ORPHAN_POLL_MS);
    run.stopWatching = () => clearTimeout(timer);
  }
}

function openLife(run: Run): Socket {
  const fd = openSync(join(run.dir, 'life'), constants.O_RDONLY | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: true, writable: false });
  socket.on('error', () => socket.destroy());
  socket.resume();
  return socket;
}
