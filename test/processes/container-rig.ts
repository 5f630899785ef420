import {
  accessSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
} from 'node:fs';
import { join } from 'node:path';
import type {
  Confinement,
  Isolation,
  LaunchRequest,
} from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';
import { ociPrograms } from '../../src/os/oci-programs.ts';
import { kill, Rig } from './host-rig.ts';

const CGROUPS = '/sys/fs/cgroup';

/** Why containers cannot be tried here; undefined where they can. On a machine for CI nothing is an excuse. */
export function noContainersBecause(): string | undefined {
  const { runc, conmon } = ociPrograms();
  const reasons = [
    process.geteuid?.() === 0 ? undefined : 'only root can make containers',
    runc === undefined ? 'runc is not installed' : undefined,
    conmon === undefined ? 'conmon is not installed' : undefined,
  ];
  const reason = reasons.find((one) => one !== undefined);
  if (reason !== undefined && process.env['CI'] === 'true') throw new Error(reason);
  return reason;
}

/** The directories of the machine that a program needs, read-only, as the exec driver mounts them. */
const SYSTEM = ['/bin', '/etc', '/lib', '/lib64', '/sbin', '/usr'].filter((path) => {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
});

export const SYSTEM_MOUNTS = SYSTEM.map((path) => ({
  type: 'bind',
  source: path,
  destination: path,
  options: ['rbind', 'ro', 'nosuid', 'rprivate'],
}));

/** A rig whose programs are in containers; their cgroups are below `/holdfast-test-<pid>/i1`. */
export class ContainerRig extends Rig {
  readonly root = join(this.stateDir, 'root');
  readonly #cgroups = `/holdfast-test-${process.pid}`;

  constructor() {
    super();
    mkdirSync(this.root);
    chmodSync(this.root, 0o755);
  }

  isolated(
    script: string,
    changes: {
      readonly confinement?: Partial<Confinement>;
      readonly isolation?: Partial<Isolation>;
      readonly request?: Partial<LaunchRequest>;
    } = {},
  ): LaunchRequest {
    const request = this.request(script, changes.request);
    const isolation: Isolation = {
      root: this.root,
      readOnlyRoot: false,
      mounts: SYSTEM_MOUNTS,
      ownPids: true,
      ownIpc: true,
      devices: [],
      ...changes.isolation,
    };
    return {
      ...request,
      confinement: {
        user: { uid: 0, gid: 0, groups: [] },
        cgroup: `${this.#cgroups}/i1/${request.launchKey}`,
        limits: undefined,
        resourceLimits: [],
        oomScoreAdj: undefined,
        noNewPrivileges: false,
        networkNamespace: '',
        capabilities: { keep: ['CAP_KILL', 'CAP_CHOWN'] },
        isolation,
        ...changes.confinement,
      },
    };
  }

  /** What a failed test left in a container is ended too. */
  override end(): void {
    super.end();
    const groups = ['', ...readdirSync(CGROUPS)].map((name) => join(CGROUPS, name, this.#cgroups));
    for (let tries = 0; tries < 100 && groups.some((path) => existsSync(path)); tries += 1) {
      for (const path of groups) endMembers(path);
      for (const path of groups) removeGroups(path);
      if (tries > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

function endMembers(path: string): void {
  if (!existsSync(path)) return;
  for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('cgroup.procs')) continue;
    const pids = readFileSync(join(path, name), 'utf8').split('\n').map(Number);
    for (const pid of pids) if (pid > 1) kill(pid);
  }
}

function removeGroups(path: string): void {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeGroups(join(path, entry.name));
    }
    rmdirSync(path);
  } catch {
    // There is none, or something still lives in it.
  }
}
