/**
 * Sees to the network that a task shares with the others of its group: made by whoever is first, used by the others,
 * and looked at again before each start, since none outlives the machine. It goes with the alloc and not with a task.
 */
import { defineHook, type HookRequest } from './hook.ts';
import type { NetworkFiles } from './network-door.ts';
import type { TaskMount } from '../spec/task-spec.ts';

export const network = defineHook({
  name: 'network',
  when: ({ network: wish }) => wish !== undefined,
  // Several programs, each with a limit of its own.
  timeLimitMs: 300_000,
  async prestart(request, doors) {
    const { namespace, places, files } = await doors.network.ensure();
    const { interface: device = '', ip = '', gateway = '' } = places ?? {};
    const facts = { namespace: namespace ?? '', interface: device, ip, gateway };
    const known = Object.entries(facts).filter(([, text]) => text !== '');
    return { state: Object.fromEntries(known), mounts: mountsOf(request, files) };
  },
});

/** Whoever mounts a file of his own there knows better. */
function mountsOf({ task }: HookRequest, files: NetworkFiles): readonly TaskMount[] {
  const taken = new Set(task.mounts?.map(({ destination }) => destination));
  return Object.entries(files).flatMap(([destination, source]): readonly TaskMount[] => {
    if (taken.has(destination)) return [];
    const mount = { type: 'bind', source, destination, readOnly: true } as const;
    return [{ ...mount, propagation: 'private' }];
  });
}
