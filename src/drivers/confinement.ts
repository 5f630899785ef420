/** How a program is confined: what a driver asks of an executor, everything looked up and every default applied. */
import type { CgroupLimits } from '../os/cgroup-plan.ts';

export interface Confinement {
  /** Absent: whoever the host runs as. */
  readonly user?: Account;
  readonly limits?: CgroupLimits;
  readonly resourceLimits?: readonly ResourceLimit[];
  /** -1000 to 1000. */
  readonly oomScoreAdj?: number;
  readonly noNewPrivileges?: boolean;
  /** Absolute path, e.g. `/run/netns/web`. Absent: the machine's own network. */
  readonly networkNamespace?: string;
  /** What it finds as the name of the machine; only with an isolation. */
  readonly hostname?: string;
  /** `CAP_CHOWN`, …: all that the program may ever have. Absent: root keeps the host's, others have none. */
  readonly capabilities?: readonly string[];
  /** Absent: the universal executor. */
  readonly isolation?: Isolation;
}

/** A user with exactly these groups, by number; the names are for the environment. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** USER and LOGNAME; the number for one without an account. */
  readonly name: string;
  /** HOME. */
  readonly home: string;
}

/** As prlimit(1) names it: `nofile`, … */
export interface ResourceLimit {
  readonly name: string;
  readonly soft: number | 'unlimited';
  readonly hard: number | 'unlimited';
}

export interface Isolation {
  /** Directory that becomes the root; mount points are made in it. */
  readonly root: string;
  readonly readOnlyRoot: boolean;
  readonly mounts: readonly IsolatedMount[];
  readonly ownPids: boolean;
  readonly ownIpc: boolean;
  readonly devices: readonly IsolatedDevice[];
}

export interface IsolatedMount {
  readonly type: 'bind' | 'tmpfs';
  readonly source: string;
  readonly destination: string;
  /** As mount(8) names them. */
  readonly options: readonly string[];
}

export interface IsolatedDevice {
  readonly source: string;
  readonly path: string;
  /** Of `rwm`. */
  readonly permissions: string;
}
