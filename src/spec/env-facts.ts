/** All that the environment of a program is made of. Plain values: whoever has them can build it. */
import type { HostEnvWish } from './host-env.ts';
import type { NetworkFacts } from './port-env.ts';
import type { SchedulerIdentity } from './scheduler-identity.ts';
import type { TaskSpec } from './task-spec.ts';

export interface TaskPlaces {
  readonly alloc: string;
  readonly local: string;
  readonly secrets: string;
  readonly tmp: string;
}

/** Where a program finds its directories whose root is the task's own, as with Nomad. */
export const INSIDE: TaskPlaces = {
  alloc: '/alloc',
  local: '/local',
  secrets: '/secrets',
  tmp: '/tmp',
};

/** What is known of the machine. The names of Nomad's node attributes, without `attr.`. */
export interface NodeFacts {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly datacenter?: string;
  readonly region?: string;
  readonly class?: string;
  readonly pool?: string;
  readonly meta?: Readonly<Record<string, string>>;
  readonly attributes?: Readonly<Record<string, string>>;
  /** MHz of one core; left out when nobody knows. */
  readonly coreMhz?: number;
  /** Below it are the cgroups of all runs; left out where there are none. */
  readonly parentCgroup?: string;
}

/** One variable that a hook gave. With `secret` (its name) the value is one: shown to nobody, at most its hash. */
export interface GivenVariable {
  readonly name: string;
  /** Left out: a secret that this agent has not fetched yet. The program does not get the variable then. */
  readonly value?: string | undefined;
  readonly secret?: string | undefined;
  readonly hash?: string | undefined;
}

export interface HookGift {
  readonly hook: string;
  readonly env: readonly GivenVariable[];
}

export interface EnvFacts {
  /** Absolute paths as the program sees them: of the machine, or below a root of its own (`INSIDE`). */
  readonly places: TaskPlaces;
  readonly allocId: string;
  /** The group's name. */
  readonly allocName: string;
  readonly task: Pick<TaskSpec, 'name' | 'env' | 'meta' | 'resources' | 'interpolation'> & {
    readonly hostEnv?: HostEnvWish;
  };
  readonly group?:
    | {
        readonly meta: Readonly<Record<string, string>>;
        readonly labels: Readonly<Record<string, string>>;
        readonly identity?: SchedulerIdentity;
      }
    | undefined;
  readonly node?: NodeFacts;
  readonly network?: NetworkFacts;
  /** What of the agent's own environment tasks may have (`allowedHostEnv`). */
  readonly hostEnv?: Readonly<Record<string, string>>;
  /** In the order of the plan. */
  readonly hooks?: readonly HookGift[];
}
