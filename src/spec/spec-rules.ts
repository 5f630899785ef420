/** Rules that hold between several values of a group. */
import { lifecycleProblems } from './lifecycle-rules.ts';
import { networkProblems } from './network-rules.ts';
import { serviceProblems } from './service-rules.ts';
import { restartProblems } from './restart-rules.ts';
import type { CheckedGroup } from './group-schema.ts';
import type { KeyPath, KeyProblem } from './key-names.ts';

export function ruleProblems(group: CheckedGroup): readonly KeyProblem[] {
  return [
    ...duplicateNames(group),
    ...lifecycleProblems(group),
    ...restartProblems(group),
    ...networkProblems(group),
    ...mountProblems(group),
    ...limitProblems(group),
    ...userProblems(group),
    ...serviceProblems(group),
  ];
}

function duplicateNames(group: CheckedGroup): readonly KeyProblem[] {
  const firstIndex = new Map<string, number>();
  const problems: KeyProblem[] = [];
  for (const [index, task] of group.tasks.entries()) {
    const first = firstIndex.get(task.name);
    if (first === undefined) firstIndex.set(task.name, index);
    else {
      const text = `must differ from the name of tasks[${first}]: both are "${task.name}"`;
      problems.push({ path: ['tasks', index, 'name'], text });
    }
  }
  return problems;
}

/** Nomad's rule, kept where it is needed: what is mounted both ways can be changed on the machine by the task. */
function mountProblems(group: CheckedGroup): readonly KeyProblem[] {
  const problems: KeyProblem[] = [];
  for (const [index, task] of group.tasks.entries()) {
    for (const [place, wish] of (task.volumeMounts ?? []).entries()) {
      const path = ['tasks', index, 'volumeMounts', place];
      const volume = group.volumes?.[wish.volume];
      if (volume === undefined) {
        const known = Object.keys(group.volumes ?? {}).join(', ') || 'none';
        const text = `names no volume of the group (known: ${known})`;
        problems.push({ path: [...path, 'volume'], text });
      }
      const isReadOnly = wish.readOnly || volume?.readOnly === true;
      problems.push(...bothWays(path, wish.propagation, isReadOnly));
    }
    for (const [place, wish] of (task.mounts ?? []).entries()) {
      if (wish.type !== 'bind') continue;
      problems.push(
        ...bothWays(['tasks', index, 'mounts', place], wish.propagation, wish.readOnly),
      );
    }
    problems.push(...badDestinations(index, task));
  }
  return problems;
}

function bothWays(path: KeyPath, propagation: string, isReadOnly: boolean): KeyProblem[] {
  if (propagation !== 'bidirectional' || !isReadOnly) return [];
  const text = 'may be bidirectional only when the volume and the mount are read-write';
  return [{ path: [...path, 'propagation'], text }];
}

/** Of an absolute path without `..`: the one way to write it. */
function plainPath(path: string): string {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  return `/${names.join('/')}`;
}

/** What no mount may hide: the root, and what the kernel shows there. */
function kernelPlace(destination: string): string | undefined {
  if (destination === '/') return 'is the root of the task, which is its own directory';
  if (destination === '/dev') return 'is where a task has its devices: name a place below it';
  const top = ['/proc', '/sys'].find((one) => `${destination}/`.startsWith(`${one}/`));
  if (top === undefined || `${destination}/`.startsWith('/sys/fs/cgroup/')) return undefined;
  return `is in ${top}, where the kernel shows what it knows: choose another place`;
}

function badDestinations(
  index: number,
  task: CheckedGroup['tasks'][number],
): readonly KeyProblem[] {
  const seen = new Set<string>();
  const problems: KeyProblem[] = [];
  for (const list of ['volumeMounts', 'mounts'] as const) {
    for (const [place, mount] of (task[list] ?? []).entries()) {
      const path = ['tasks', index, list, place, 'destination'];
      const destination = plainPath(mount.destination);
      const fault = kernelPlace(destination);
      if (fault !== undefined) problems.push({ path, text: fault });
      if (seen.has(destination)) {
        problems.push({ path, text: `is the destination of two mounts: "${destination}"` });
      }
      seen.add(destination);
    }
  }
  return problems;
}

function limitProblems(group: CheckedGroup): readonly KeyProblem[] {
  const problems: KeyProblem[] = [];
  for (const [index, { resources }] of group.tasks.entries()) {
    const { cpuset = '', memoryMb, memoryMaxMb } = resources ?? {};
    const backwards = cpuset.split(',').find(isBackwards);
    if (backwards !== undefined) {
      const text = `has a range that ends before it begins: "${backwards}"`;
      problems.push({ path: ['tasks', index, 'resources', 'cpuset'], text });
    }
    if (memoryMb === undefined || memoryMaxMb === undefined || memoryMaxMb >= memoryMb) continue;
    const text = `is less than memoryMb, which is ${memoryMb}`;
    problems.push({ path: ['tasks', index, 'resources', 'memoryMaxMb'], text });
  }
  return problems;
}

function userProblems(group: CheckedGroup): readonly KeyProblem[] {
  return group.tasks.flatMap(({ user, dynamicUser }, index) => {
    if (user === undefined || dynamicUser !== true) return [];
    const text = `says that it runs as nobody else, and user that it runs as "${user}"`;
    return [{ path: ['tasks', index, 'dynamicUser'], text }];
  });
}

function isBackwards(range: string): boolean {
  const [first = 0, last = first] = range.split('-').map(Number);
  return last < first;
}
