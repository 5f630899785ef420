/** A service with every default applied, and which task gives it. JSON-safe: it stands in the log. */
import { checkSpec, type CheckSpec, type PortName } from './check-spec.ts';
import type { CheckedGroup, CheckedTask } from './group-schema.ts';
import type { CheckedService } from './service-schema.ts';

export interface ServiceSpec {
  readonly name: string;
  /** Left out: nobody is told of one. */
  readonly port?: PortName;
  /** Where others find it; left out: where its port is, or 127.0.0.1. */
  readonly address?: string;
  /** Left out: of what the driver made if it is advertised, else of the machine. */
  readonly addressMode?: 'alloc' | 'driver' | 'host';
  readonly tags?: readonly string[];
  readonly meta?: Readonly<Record<string, string>>;
  /** It is recorded when all of its checks have passed. */
  readonly onReady?: true;
  /** It is the group's: taken back as soon as the group begins to end. */
  readonly isGroups?: true;
}

/** Nomad's rule, RFC 1123; `NAME_RULE` of the schema says it in words. */
export function isServiceName(written: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(written);
}

/** What a task gives and how it is looked at, in the order in which it is written: the task's own first. */
export function servicesOf(
  group: CheckedGroup,
  task: CheckedTask,
): { readonly services?: readonly ServiceSpec[]; readonly checks?: readonly CheckSpec[] } {
  const own = task.services ?? [];
  const ofGroup = (group.services ?? []).filter((one) => giverOf(group, one.task) === task.name);
  const services = [
    ...own.map((one) => serviceSpec(one)),
    ...ofGroup.map((one): ServiceSpec => ({ ...serviceSpec(one), isGroups: true })),
  ];
  const checks = [
    ...(task.checks ?? []).map((one) => checkSpec(one, {})),
    ...[...own, ...ofGroup].flatMap(({ name: service, port, checkRestart, checks: all = [] }) =>
      all.map((one) => checkSpec(one, { service, port, checkRestart })),
    ),
  ];
  return {
    ...(services.length > 0 && { services }),
    ...(checks.length > 0 && { checks }),
  };
}

/** Which task gives a service of the group: the one it names, the leader, the only main task; undefined: unclear. */
export function giverOf({ tasks }: CheckedGroup, named: string | undefined): string | undefined {
  if (named !== undefined) return tasks.find(({ name }) => name === named)?.name;
  const leader = tasks.find((task) => task.leader === true);
  const mains = tasks.filter(({ lifecycle }) => lifecycle === undefined);
  return leader?.name ?? (mains.length === 1 ? mains[0]?.name : undefined);
}

function serviceSpec(checked: CheckedService): ServiceSpec {
  const { name, port, address, addressMode, tags = [], meta = {}, onReady } = checked;
  return {
    name,
    ...(port !== undefined && { port }),
    ...(address !== undefined && { address }),
    ...(addressMode !== 'auto' && { addressMode }),
    ...(tags.length > 0 && { tags }),
    ...(Object.keys(meta).length > 0 && { meta }),
    ...(onReady === true && { onReady }),
  };
}
