/** What the container's cgroups enforce, in the words of the OCI runtime specification: pure. */
import type { Limits } from '../../rpc/gen/holdfast/executor/v1/executor.ts';

/** `v1` also where some controllers are in a unified hierarchy beside it. */
export type CgroupKind = 'v1' | 'v2';

interface DeviceRule {
  readonly allow: boolean;
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
}

export interface OciResources {
  readonly devices: readonly DeviceRule[];
  readonly memory?: { readonly limit?: number; readonly reservation?: number };
  readonly cpu?: {
    readonly shares?: number;
    readonly quota?: number;
    readonly period?: number;
    readonly cpus?: string;
  };
  readonly pids?: { readonly limit: number };
  readonly unified?: Readonly<Record<string, string>>;
}

/** Shares of one core; the kernel takes 2 to 262,144. */
const SHARES_OF_CORE = 1024;
const PERIOD_US = 100_000;
/** The shortest time slice that the kernel takes, in microseconds. */
const LEAST_QUOTA_US = 1_000;

/** A limit of 0 or '' is none. runc refuses `unified` where there is no unified hierarchy alone. */
export function ociResources(
  limits: Limits | undefined,
  cgroups: CgroupKind,
  devices: readonly DeviceRule[],
): OciResources {
  if (limits === undefined) return { devices };
  const { memoryMaxBytes, memoryLowBytes, pids } = limits;
  const memory = {
    ...given('limit', memoryMaxBytes),
    ...(cgroups === 'v1' ? given('reservation', memoryLowBytes) : {}),
  };
  const cpu = cpuOf(limits);
  return {
    devices,
    ...(isEmpty(memory) ? {} : { memory }),
    ...(isEmpty(cpu) ? {} : { cpu }),
    ...(pids > 0 ? { pids: { limit: pids } } : {}),
    ...(cgroups === 'v2' && memoryLowBytes > 0
      ? { unified: { 'memory.low': String(memoryLowBytes) } }
      : {}),
  };
}

function cpuOf({ cpuShareMillis, cpuMaxMillis, cpuset }: Limits): OciResources['cpu'] & object {
  const shares = Math.round((cpuShareMillis * SHARES_OF_CORE) / 1000);
  return {
    ...(cpuShareMillis > 0 ? { shares: Math.min(Math.max(shares, 2), 262_144) } : {}),
    ...(cpuMaxMillis > 0
      ? {
          quota: Math.max((cpuMaxMillis * PERIOD_US) / 1000, LEAST_QUOTA_US),
          period: PERIOD_US,
        }
      : {}),
    ...(cpuset === '' ? {} : { cpus: cpuset }),
  };
}

function given<Key extends string>(key: Key, amount: number): { readonly [K in Key]?: number } {
  return amount > 0 ? ({ [key]: amount } as { readonly [K in Key]: number }) : {};
}

function isEmpty(record: object): boolean {
  return Object.keys(record).length === 0;
}
