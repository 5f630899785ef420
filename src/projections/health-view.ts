/** How a program is and how it can be reached, from the folded state of its task. */
import type { CheckView, HealthStatus, HealthView, ServiceView } from '../api.ts';
import { standingServices, type TaskContext } from '../machines/task-state.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import { isoTime } from './task-view.ts';

interface Place {
  readonly alloc: string;
  readonly allocId: string;
}

const WORST = ['critical', 'warning', 'pending', 'passing'] as const satisfies HealthStatus[];

/** Nothing of a task whose program does not run: what was said of it is about a program that is gone. */
export function healthView(
  { alloc, allocId }: Place,
  spec: TaskSpec,
  { value, context }: { readonly value: string; readonly context: TaskContext },
): HealthView {
  if (value !== 'running') return { services: [], checks: [] };
  const place = { alloc, allocId, task: spec.name, run: context.run };
  const checks = (spec.checks ?? []).map((check): CheckView => {
    const known = context.checks?.[check.name];
    return {
      ...place,
      check: check.name,
      service: known?.service ?? check.service ?? null,
      type: check.type,
      status: known?.status ?? 'pending',
      since: isoTime(known?.at),
      output: known?.output ?? '',
    };
  });
  const services = standingServices(context).map((one): ServiceView => {
    const { service, address, port = null, tags, meta, isGroups = false } = one;
    const own = checks.filter((check) => isOf(check, service));
    const status = WORST.find((word) => own.some((check) => check.status === word)) ?? null;
    return { ...place, service, address, port, tags, meta, isGroups, status };
  });
  return { services, checks };
}

/** The name of a service that has not been looked at may still have references in it. */
function isOf({ service }: CheckView, name: string): boolean {
  if (service === null || service === name) return service !== null;
  const parts = service.split(/\$\{[^}]*\}/);
  return (
    parts.length > 1 && name.startsWith(parts[0] as string) && name.endsWith(parts.at(-1) as string)
  );
}
