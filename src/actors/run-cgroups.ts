/** The cgroups of this agent's runs: whether there are any, what they can do, and what they tell of a run. */
import { dirname } from 'node:path';
import type { Confinement } from '../drivers/confinement.ts';
import { cgroupAnswers, type CgroupAnswers, noCgroups } from '../os/cgroup-answers.ts';
import { cgroupOfRun, machineCgroups } from '../os/cgroup-layout.ts';
import { oomKills } from '../os/cgroup-oom.ts';
import { controllersFor } from '../os/cgroup-plan.ts';
import { cgroupsOfRuns, removeCgroup, removeInstanceCgroup } from '../os/cgroup-tree.ts';

/** `off`: none is made, even where it could be. */
export type CgroupWish = 'auto' | 'off';

export class RunCgroups {
  readonly #instanceId: string;
  readonly #answers: CgroupAnswers;

  constructor(instanceId: string, wish: CgroupWish) {
    this.#instanceId = instanceId;
    const isOff = wish === 'off';
    this.#answers = isOff ? noCgroups('cgroups are switched off') : cgroupAnswers(machineCgroups());
  }

  /** Below every mount point the cgroups of all runs are in this one; undefined where none can be made. */
  get parent(): string | undefined {
    if (!this.#answers.tracking.isAvailable) return undefined;
    return dirname(this.pathOf('run'));
  }

  /** The path that a new run is to have below every mount point; empty where none can be made. */
  pathFor(launchKey: string): string {
    return this.#answers.tracking.isAvailable ? this.pathOf(launchKey) : '';
  }

  /** The path that a run has if it has one: it may be of a time when cgroups were not switched off. */
  pathOf(launchKey: string): string {
    return cgroupOfRun(machineCgroups().parent, this.#instanceId, launchKey);
  }

  /** Why a program cannot be confined so; undefined when it can. */
  whyNot({ limits, isolation }: Confinement): string | undefined {
    const { tracking } = this.#answers;
    if (isolation !== undefined && !tracking.isAvailable) {
      return `an isolated task needs a cgroup: ${tracking.reason}`;
    }
    const missing = controllersFor(limits ?? {}).find(
      (name) => !this.#answers.limits[name].isAvailable,
    );
    if (missing === undefined) return undefined;
    return `${missing} cannot be limited: ${this.#answers.limits[missing].reason}`;
  }

  /** Removes what nothing lives in; false when something of it stays. */
  putAway(path: string): boolean {
    return removeCgroup(machineCgroups(), path);
  }

  /** Empty ones of runs that have no files any more: whoever was to remove them died before he could. */
  putAwayBut(known: ReadonlySet<string>): void {
    for (const { instanceId, launchKey } of cgroupsOfRuns(machineCgroups())) {
      if (instanceId !== this.#instanceId || known.has(launchKey)) continue;
      this.putAway(this.pathOf(launchKey));
    }
    removeInstanceCgroup(machineCgroups(), this.#instanceId);
  }
}

/** Did the kernel end a process of the run for want of memory? Told for as long as the cgroup is there. */
export function wasOutOfMemory(path: string): boolean {
  return oomKills(machineCgroups(), path) > 0;
}
