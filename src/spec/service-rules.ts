/** What can be said of services and checks before anything runs. */
import { checkName, type PortName } from './check-spec.ts';
import type { CheckedCheck } from './check-schema.ts';
import type { CheckedGroup } from './group-schema.ts';
import type { KeyPath, KeyProblem } from './key-names.ts';
import type { CheckedService } from './service-schema.ts';
import { giverOf } from './service-spec.ts';

interface Placed<T> {
  readonly path: KeyPath;
  readonly one: T;
}
interface PlacedCheck extends Placed<CheckedCheck> {
  readonly owner?: CheckedService;
}

export function serviceProblems(group: CheckedGroup): readonly KeyProblem[] {
  const problems = unclearGivers(group);
  for (const [index, task] of group.tasks.entries()) {
    const place = ['tasks', index];
    const services = [
      ...placed(task.services, [...place, 'services']),
      ...placed(group.services, ['services']).filter(
        ({ one }) => giverOf(group, one.task) === task.name,
      ),
    ];
    const checks: readonly PlacedCheck[] = [
      ...placed(task.checks, [...place, 'checks']),
      ...services.flatMap(({ one: owner, path }) =>
        placed(owner.checks, [...path, 'checks']).map((check) => ({ ...check, owner })),
      ),
    ];
    problems.push(...twins(services, ({ one }) => one.name, 'services'));
    problems.push(...twins(checks, nameOf, 'checks'));
    problems.push(...services.flatMap((service) => ofService(group, service)));
    problems.push(...checks.flatMap((check) => ofCheck(group, check)));
  }
  return problems;
}

function placed<T>(all: readonly T[] = [], path: KeyPath): readonly Placed<T>[] {
  return all.map((one, index) => ({ one, path: [...path, index] }));
}

function nameOf({ one, owner }: PlacedCheck): string {
  return checkName(one, owner === undefined ? {} : { service: owner.name });
}

function unclearGivers(group: CheckedGroup): KeyProblem[] {
  return placed(group.services, ['services']).flatMap(({ one: { task }, path }) => {
    if (giverOf(group, task) !== undefined) return [];
    const known = group.tasks.map(({ name }) => name).join(', ');
    const text =
      task === undefined
        ? `needs a task that gives it: there is no leader, and more than one main task (${known})`
        : `names no task of the group (known: ${known})`;
    return [{ path: [...path, 'task'], text }];
  });
}

/** Of a task: those of its own and those of the group that it gives. */
function twins<T extends Placed<unknown>>(
  all: readonly T[],
  nameIn: (one: T) => string,
  what: string,
): readonly KeyProblem[] {
  return all.flatMap((one, index) => {
    const name = nameIn(one);
    const first = all.findIndex((other) => nameIn(other) === name);
    if (first === index) return [];
    const text = `must differ from other ${what} of its task: there is another "${name}"`;
    return [{ path: [...one.path, 'name'], text }];
  });
}

function ofService(
  group: CheckedGroup,
  { one, path }: Placed<CheckedService>,
): readonly KeyProblem[] {
  const problems = [...unknownLabel(group, one.port, path)];
  const isLabelled = typeof one.port === 'string';
  const mode = group.network?.mode ?? 'host';
  if (typeof one.port === 'number' && mode !== 'host') {
    const remedy =
      mode === 'none'
        ? 'leave it out, as nobody reaches a network of mode none'
        : 'give it a label in network.ports, and write that';
    const text = `is a port of the group's own network, which others do not find by it: ${remedy}`;
    problems.push({ path: [...path, 'port'], text });
  }
  if (one.addressMode === 'alloc' && !isLabelled) {
    const text = 'is the address of a port: say in port which label it has';
    problems.push({ path: [...path, 'addressMode'], text });
  }
  if (one.onReady === true && (one.checks ?? []).length === 0) {
    const text = 'waits for the checks of the service, and there are none';
    problems.push({ path: [...path, 'onReady'], text });
  }
  return problems;
}

function ofCheck(group: CheckedGroup, { one, path, owner }: PlacedCheck): readonly KeyProblem[] {
  if (one.type === 'script') return [];
  const problems = [...unknownLabel(group, one.port, path)];
  if (one.port === undefined && owner?.port === undefined) {
    const text = 'is needed: a label of one of the ports of the group, or a number';
    problems.push({ path: [...path, 'port'], text });
  }
  if (one.type === 'http' && one.protocol === 'http') {
    for (const key of ['tlsSkipVerify', 'tlsServerName'] as const) {
      if (one[key] === undefined) continue;
      problems.push({ path: [...path, key], text: 'needs the protocol "https"' });
    }
  }
  return problems;
}

function unknownLabel(
  { network }: CheckedGroup,
  port: PortName | undefined,
  path: KeyPath,
): readonly KeyProblem[] {
  const labels = Object.keys(network?.ports ?? {});
  if (typeof port !== 'string' || labels.includes(port)) return [];
  const known = labels.join(', ') || 'none';
  const text = `names no port of the group (known: ${known})`;
  return [{ path: [...path, 'port'], text }];
}
