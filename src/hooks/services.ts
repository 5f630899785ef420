/**
 * Records how a program can be reached, and looks at it while it runs. What is recorded stands until something ends the
 * program: it is taken back with that, and needs no phase of its own. The looking ends with the doors of `start`, or
 * when an update begins it anew.
 */
import { HoldfastError, messageOf } from '../errors.ts';
import type { CheckStatus } from '../events/task-event.ts';
import type { ServiceFacts } from '../machines/task-messages.ts';
import type { CheckSpec } from '../spec/check-spec.ts';
import type { ServiceSpec } from '../spec/service-spec.ts';
import { keepChecking } from './checks/keep-checking.ts';
import type { Probe } from './checks/probe.ts';
import { defineHook, type Hook, type HookDoors, type HookRequest } from './hook.ts';
import { assertWishes, readName, type Wishes, wishesOf } from './service-wishes.ts';

/** One for each orchestrator: it knows who stands by a program. */
export function servicesHook(): Hook {
  const standing = new Map<string, AbortController>();
  const beginAnew = ({ allocId, task }: HookRequest, doors: HookDoors): HookDoors => {
    const key = `${allocId}/${task.name}`;
    standing.get(key)?.abort();
    const own = new AbortController();
    standing.set(key, own);
    const forget = (): void => void (standing.get(key) === own && standing.delete(key));
    doors.signal.addEventListener('abort', forget, { once: true });
    const signal = AbortSignal.any([doors.signal, own.signal]);
    const register = async (facts: ServiceFacts): Promise<void> => {
      signal.throwIfAborted();
      await doors.register(facts);
    };
    return { ...doors, signal, register };
  };
  return defineHook({
    name: 'services',
    when: ({ services: all = [], checks = [] }) => all.length + checks.length > 0,
    // What cannot be said of the program is told before it begins, and not beside it.
    prestart: (request, doors) => assertWishes(request, doors),
    async start(request, doors) {
      await standBy(request, await wishesOf(request, doors), beginAnew(request, doors));
    },
    // As a whole or not at all: what was begun before goes on when anything of it cannot be.
    async update(request, doors) {
      const wishes = await wishesOf(request, doors);
      const anew = beginAnew(request, doors);
      const kept = wishes.services.map(({ service }) => service);
      await doors.withdrawOthers(kept, 'the alloc was updated');
      // crash point: agent.services.withdrawn
      await standBy(request, wishes, anew);
    },
  });
}

async function standBy(
  { task, checks: known, startedAt }: HookRequest,
  wishes: Wishes,
  doors: HookDoors,
): Promise<void> {
  const { clock, signal, register } = doors;
  const standing = new Map<string, CheckStatus>(Object.entries(known));
  const late = new Map<ServiceSpec, ServiceFacts>();
  for (const [index, facts] of wishes.services.entries()) {
    const service = task.services?.[index];
    if (service?.onReady === true) late.set(service, facts);
    else await register(facts);
  }
  // crash point: agent.services.registered
  const checks = task.checks ?? [];
  const isReady = ({ name }: ServiceSpec): boolean =>
    checks.every((one) => one.service !== name || standing.get(one.name) === 'passing');
  const registerReady = async (): Promise<void> => {
    for (const [service, facts] of late) {
      if (!isReady(service)) continue;
      late.delete(service);
      await register(facts).catch((error: unknown) => {
        late.set(service, facts);
        throw error;
      });
    }
  };
  await registerReady();
  const began = clock.steady();
  const ageBefore = Math.max(0, clock.now() - (startedAt ?? clock.now()));
  for (const [index, probe] of wishes.probes.entries()) {
    const check = checks[index] as CheckSpec;
    const { name, service } = check;
    const watched = watch(check, probe, doors, {
      known: known[name],
      ageMs: () => ageBefore + clock.steady() - began,
      async report(status, output) {
        const whose = service === undefined ? {} : { service: readName(service, doors) };
        await doors.reportCheck({ check: name, status, output, ...whose });
        // crash point: agent.check.reported
        standing.set(name, status);
        await registerReady();
      },
    });
    watched.catch((error: unknown) => {
      if (signal.aborted) return;
      doors.logger.error({ check: name, error: messageOf(error) }, 'a check was given up');
    });
  }
}

type Looking = Pick<Parameters<typeof keepChecking>[2], 'known' | 'ageMs' | 'report'>;

function watch(check: CheckSpec, probe: Probe, doors: HookDoors, look: Looking): Promise<void> {
  const { clock, signal } = doors;
  let told = '';
  return keepChecking(check, probe, {
    ...look,
    clock,
    signal,
    skipped(why) {
      if (why === told) return;
      told = why;
      doors.message(`check "${check.name}" says nothing just now: ${why}`);
    },
    async restart() {
      // crash point: agent.check.restarting
      const reason = `healthcheck: check "${check.name}" unhealthy`;
      await doors.restart(reason, { isCounted: true }).catch((error: unknown) => {
        // Something else is ending it.
        if (!HoldfastError.is(error, 'WRONG_STATE') && !signal.aborted) throw error;
      });
    },
  });
}
