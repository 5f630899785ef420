/** Which host has, or is to have, the commands beside a run. */
import type { HostPool, PooledHost } from './host-pool.ts';

export interface SessionHosts {
  /** Undefined: none has the run. Throws UNAVAILABLE while the one that had it is being replaced. */
  whereIs(launchKey: string): Promise<PooledHost | undefined>;
  /** The host for a command in a container, which none needs to have so far. Errors: UNAVAILABLE, CLOSED. */
  placeInContainer(launchKey: string): Promise<PooledHost>;
  /** Every live host that may have any. */
  readonly all: readonly PooledHost[];
}

/** `runs` are the hosts of programs that are processes, `output` those that move what containers write. */
export function sessionHosts(runs: HostPool, output: HostPool): SessionHosts {
  return {
    whereIs: async (launchKey) => (await runs.whereIs(launchKey)) ?? output.whereIs(launchKey),
    placeInContainer: (launchKey) => output.place(launchKey),
    get all() {
      return [...runs.hosts, ...output.hosts].filter(({ isLive }) => isLive);
    },
  };
}
