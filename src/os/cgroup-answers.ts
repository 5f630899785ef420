/** What cgroups of this machine can do for a run, each with the reason. */
import { existsSync, mkdirSync } from 'node:fs';
import { messageOf } from '../errors.ts';
import { type CgroupLayout, trackingPoint } from './cgroup-layout.ts';
import { killWay } from './cgroup-kill.ts';
import type { Controller } from './cgroup-plan.ts';
import { mayWrite, textOf } from './quiet-reads.ts';

export interface CgroupAnswer {
  readonly isAvailable: boolean;
  /** Why not, or by what. */
  readonly reason: string;
}

export interface CgroupAnswers {
  /** Whatever a run starts is known to be of it. */
  readonly tracking: CgroupAnswer;
  /** All of a run can be ended in one step, not only what can be found of it. */
  readonly kill: CgroupAnswer;
  readonly limits: Readonly<Record<Controller, CgroupAnswer>>;
}

/** For who wants none of it. */
export function noCgroups(reason: string): CgroupAnswers {
  const no = { isAvailable: false, reason };
  return { tracking: no, kill: no, limits: { memory: no, cpu: no, cpuset: no, pids: no } };
}

/** Tries it: makes the parent directory of all that is ours. */
export function cgroupAnswers(layout: CgroupLayout): CgroupAnswers {
  const point = trackingPoint(layout);
  if (point === undefined) {
    return noCgroups(layout.reason || 'no hierarchy of cgroup v1 or v2 can tell processes apart');
  }
  try {
    mkdirSync(`${point}${layout.parent}`, { recursive: true, mode: 0o755 });
  } catch (error) {
    return noCgroups(`no cgroup can be made: ${messageOf(error)}`);
  }
  const limit = (name: Controller): CgroupAnswer => limitAnswer(layout, name);
  return {
    tracking: yes(`cgroups below ${point}${layout.parent}`),
    kill: killAnswer(layout),
    limits: {
      memory: limit('memory'),
      cpu: limit('cpu'),
      cpuset: limit('cpuset'),
      pids: limit('pids'),
    },
  };
}

function yes(reason: string): CgroupAnswer {
  return { isAvailable: true, reason };
}

function no(reason: string): CgroupAnswer {
  return { isAvailable: false, reason };
}

function killAnswer(layout: CgroupLayout): CgroupAnswer {
  const way = killWay(layout, layout.parent);
  if (way !== 'signals') return yes(`by ${way}`);
  return no('neither cgroup.kill nor a freezer: processes are signalled one by one');
}

function limitAnswer(layout: CgroupLayout, name: Controller): CgroupAnswer {
  const point = layout.v1.get(name);
  if (point !== undefined) {
    // A hierarchy that is there and cannot be written to is a container's.
    return mayWrite(point) ? yes(`cgroup v1 at ${point}`) : no(`${point} cannot be written`);
  }
  const { unified, delegated } = layout;
  if (unified === undefined) return no(`no cgroup hierarchy has the controller ${name}`);
  const dir = `${unified}${delegated}`;
  if (!words(`${dir}/cgroup.controllers`).includes(name)) {
    return no(`cgroup v2 at ${dir} does not offer the controller ${name}`);
  }
  if (words(`${dir}/cgroup.subtree_control`).includes(name)) return yes(`cgroup v2 at ${dir}`);
  // Only the real root of the hierarchy may have both processes and children with controllers (cgroups(7)).
  const isRealRoot = !existsSync(`${dir}/cgroup.events`);
  if (isRealRoot || words(`${dir}/cgroup.procs`).length === 0) return yes(`cgroup v2 at ${dir}`);
  return no(`the controller ${name} cannot be enabled in ${dir}, which has processes of its own`);
}

function words(file: string): readonly string[] {
  return textOf(file).split(/\s+/).filter(Boolean);
}
