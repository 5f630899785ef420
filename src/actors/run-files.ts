/** The directories of runs, seen from the agent: found again after a lost store, and removed when nobody needs them. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from '../layout.ts';
import type { RunCgroups } from './run-cgroups.ts';
import { gatherEvidence } from '../os/evidence.ts';
import { markOf } from '../os/launch-key.ts';
import { markedProcesses, worksBelow, type Marks } from '../os/marked-processes.ts';
import type { Life } from '../os/process-identity.ts';
import { treeLife } from '../os/process-tree.ts';
import { namesIn } from '../os/quiet-reads.ts';
import { removeRun } from '../os/remove-run.ts';
import { readIntent, type Found, type Intent } from '../os/run-directory.ts';
import { runDirOf, runDirsOf, runKeys } from '../os/run-roots.ts';

/** What is known of runs without the log. */
export interface RunStore {
  /** The launch keys of all runs that have files. */
  keys(): readonly string[];
  intentOf(launchKey: string): Found<Intent>;
  /** Every living process that carries a mark. */
  marks(): Marks;
  /** Does a process work below this data directory? */
  isHere(pid: number): boolean;
  /** Does anything of the run live, its shim included? Looks at the process table: takes milliseconds. */
  lifeOf(launchKey: string): Life;
  /** Removes the output FIFOs of all tasks but those with these keys. */
  removeFifosBut(current: ReadonlySet<string>): void;
  /** The files are not needed any more: they go later, in batches, never in the way of a start. */
  sweep(launchKey: string): void;
}

/** How long finished run directories lie, in milliseconds: removing many files at once makes starts slow. */
const SWEEP_AFTER_MS = 30_000;

export class RunFiles implements RunStore {
  readonly #dataDir: string;
  readonly #stateDir: string;
  readonly #fifoDir: string;
  readonly #instanceId: string;
  readonly #machineEpoch: string;
  readonly #cgroups: RunCgroups;
  readonly #waiting = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    { dataDir, stateDir, fifoDir }: Pick<Layout, 'dataDir' | 'stateDir' | 'fifoDir'>,
    instanceId: string,
    machineEpoch: string,
    cgroups: RunCgroups,
  ) {
    this.#dataDir = dataDir;
    this.#stateDir = stateDir;
    this.#fifoDir = fifoDir;
    this.#instanceId = instanceId;
    this.#machineEpoch = machineEpoch;
    this.#cgroups = cgroups;
    cgroups.putAwayBut(new Set(this.keys()));
  }

  keys(): readonly string[] {
    return runKeys(this.#stateDir);
  }

  intentOf(launchKey: string): Found<Intent> {
    return readIntent(runDirOf(this.#stateDir, launchKey));
  }

  marks(): Marks {
    return markedProcesses();
  }

  isHere(pid: number): boolean {
    return worksBelow(this.#dataDir, pid);
  }

  lifeOf(launchKey: string): Life {
    const runDir = runDirOf(this.#stateDir, launchKey);
    const machineEpoch = this.#machineEpoch;
    const mark = markOf(this.#instanceId, launchKey);
    const cgroup = this.#cgroups.pathOf(launchKey);
    const intent = this.intentOf(launchKey);
    if (intent.is === 'unreadable') return 'unknown';
    // Nothing tells in which machine epoch its pids meant anything: they may be anybody's by now.
    if (intent.is !== 'whole') {
      return treeLife({ program: undefined, mark, cgroup, since: undefined }, machineEpoch);
    }
    const { claim, tree } = gatherEvidence({ runDir, machineEpoch, mark, cgroup });
    if (claim === 'alive' || tree === 'alive') return 'alive';
    return claim === 'unknown' || tree === 'unknown' ? 'unknown' : 'dead';
  }

  removeFifosBut(current: ReadonlySet<string>): void {
    for (const name of namesIn(this.#fifoDir)) {
      const key = /^([a-z2-7]{16})\.(?:out|err)$/.exec(name)?.[1];
      if (key !== undefined && !current.has(key))
        rmSync(join(this.#fifoDir, name), { force: true });
    }
  }

  sweep(launchKey: string): void {
    this.#waiting.add(launchKey);
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.#remove(), SWEEP_AFTER_MS);
    this.#timer.unref();
  }

  /** What cannot be removed now waits for the next batch. */
  async #remove(): Promise<void> {
    this.#timer = undefined;
    const batch = [...this.#waiting];
    this.#waiting.clear();
    // crash point: agent.files.sweep
    for (const launchKey of batch) {
      const intent = this.intentOf(launchKey);
      const cgroup = intent.is === 'whole' ? intent.value.cgroup : this.#cgroups.pathOf(launchKey);
      const isEmpty = cgroup === undefined || this.#cgroups.putAway(cgroup);
      if (!isEmpty || !(await this.#removeAll(launchKey))) this.sweep(launchKey);
    }
  }

  async #removeAll(launchKey: string): Promise<boolean> {
    const dirs = runDirsOf(this.#stateDir, launchKey);
    const removed = dirs.map((dir) => removeRun(dir).catch(() => false));
    return !(await Promise.all(removed)).includes(false);
  }
}
