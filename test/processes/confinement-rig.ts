/** Confined programs, asked of a host as an agent does; the cgroups of a rig are its own. */
import { randomUUID } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { machineCgroups } from '../../src/os/cgroup-layout.ts';
import {
  cgroupsOfRuns,
  removeCgroup,
  removeInstanceCgroup,
  trackingDir,
} from '../../src/os/cgroup-tree.ts';
import type {
  Confinement,
  LaunchRequest,
} from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';
import type { Host } from '../../src/rpc/spawn-host.ts';
import { Rig } from './host-rig.ts';

const layout = machineCgroups();

export const NOBODY = { uid: 65_534, gid: 65_534, groups: [65_534, 33] };
export const NO_LIMITS = {
  memoryMaxBytes: 0,
  memoryLowBytes: 0,
  cpuShareMillis: 0,
  cpuMaxMillis: 0,
  cpuset: '',
  pids: 0,
};

export type ConfinedRequest = LaunchRequest & { readonly confinement: Confinement };

export class ConfinementRig extends Rig {
  readonly instance = `test-${randomUUID()}`;

  constructor() {
    super();
    // Other users must come as far as their working directory.
    chmodSync(this.stateDir, 0o711);
  }

  confined(
    script: string,
    wish: Partial<Confinement>,
    changes: Partial<LaunchRequest> = {},
  ): ConfinedRequest {
    const confinement: Confinement = {
      user: undefined,
      cgroup: '',
      limits: undefined,
      resourceLimits: [],
      oomScoreAdj: undefined,
      noNewPrivileges: false,
      networkNamespace: '',
      capabilities: undefined,
      isolation: undefined,
      ...wish,
    };
    return { ...this.request(script, changes), confinement };
  }

  /** With a cgroup of its own. */
  tracked(script: string, wish: Partial<Confinement> = {}): ConfinedRequest {
    const request = this.confined(script, wish);
    request.confinement.cgroup = `${layout.parent}/${this.instance}/${request.launchKey}`;
    return request;
  }

  /** Where the processes of the run are told apart. */
  cgroupOf(request: ConfinedRequest): string {
    return trackingDir(layout, request.confinement.cgroup) ?? '';
  }

  /** What the program wrote, up to a line `end`. */
  async said(host: Host, request: LaunchRequest): Promise<string> {
    await this.started(host, request);
    const text = await this.output((seen) => seen.includes('end\n'));
    await this.report(host, request.launchKey);
    return text.replace(/end\n$/, '');
  }

  override end(): void {
    super.end();
    const own = cgroupsOfRuns(layout).filter(({ instanceId }) => instanceId === this.instance);
    for (const { launchKey } of own) {
      removeCgroup(layout, `${layout.parent}/${this.instance}/${launchKey}`);
    }
    removeInstanceCgroup(layout, this.instance);
  }
}
