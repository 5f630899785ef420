/**
 * Records how a program can be reached, and looks at it while it runs. What is recorded stands until something ends the
 * program: it is taken back with that, and needs no phase of its own. The looking ends with the doors of `start`, or
 * when an update begins it anew.
 */
import { HoldfastError, isRetryable, messageOf } from '../errors.ts';
import type { CheckStatus } from '../events/task-event.ts';
import type { ServiceFacts } from '../machines/task-messages.ts';
import type { CheckSpec, HttpProbe, PortName } from '../spec/check-spec.ts';
import { isServiceName, type ServiceSpec } from '../spec/service-spec.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import { keepChecking } from './checks/keep-checking.ts';
import { placeOf, type Place } from './checks/places.ts';
import type { Probe } from './checks/probe.ts';
import { scriptProbe } from './checks/script-probe.ts';
import { defineHook, type Hook, type HookDoors, type HookRequest } from './hook.ts';

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
    async prestart({ task }, doors) {
      await wishesOf(task, doors);
      for (const [index, check] of (task.checks ?? []).entries()) {
        if (check.type === 'http') askedWith(check, index, doors);
      }
    },
    async start(request, doors) {
      await standBy(request, await wishesOf(request.task, doors), beginAnew(request, doors));
    },
    // As a whole or not at all: what was begun before goes on when anything of it cannot be.
    async update(request, doors) {
      const wishes = await wishesOf(request.task, doors);
      const anew = beginAnew(request, doors);
      const kept = wishes.services.map(({ service }) => service);
      await doors.withdrawOthers(kept, 'the alloc was updated');
      // crash point: agent.services.withdrawn
      await standBy(request, wishes, anew);
    },
  });
}

/** In the order of the spec. */
interface Wishes {
  readonly services: readonly ServiceFacts[];
  readonly probes: readonly Probe[];
}

/** Throws START_FAILED for what cannot be said of the program. */
async function wishesOf(task: TaskSpec, doors: HookDoors): Promise<Wishes> {
  const services = (task.services ?? []).map((one, index) => factsOf(one, index, doors));
  const names = services.map(({ service }) => service);
  const twin = names.find((name, index) => names.indexOf(name) !== index);
  if (twin !== undefined) throw fault(`two services are called "${twin}"`);
  const probes: Probe[] = [];
  for (const [index, check] of (task.checks ?? []).entries()) {
    probes.push(await probeOf(check, index, doors));
  }
  return { services, probes };
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

function factsOf(service: ServiceSpec, index: number, doors: HookDoors): ServiceFacts {
  const { port, address, addressMode, tags = [], meta = {}, isGroups } = service;
  const at = (key: string, text: string): string =>
    doors.readPublic(`services[${index}].${key}`, text);
  const name = at('name', service.name);
  if (!isServiceName(name)) {
    const rule = 'must be 1 to 63 letters, digits or "-", and neither begin nor end with "-"';
    throw fault(`services[${index}].name: ${rule}: "${name}"`);
  }
  const place =
    port === undefined ? undefined : placeOf(port, doors.env(), addressMode === 'alloc');
  return {
    service: name,
    address: address === undefined ? (place?.address ?? '') : at('address', address),
    ...(place !== undefined && { port: place.port }),
    tags: tags.map((tag, place_) => at(`tags[${place_}]`, tag)),
    meta: Object.fromEntries(
      Object.entries(meta).map(([key, text]) => [key, at(`meta.${key}`, text)]),
    ),
    ...(isGroups === true && { isGroups }),
  };
}

function readName(service: string, { readPublic }: HookDoors): string {
  return readPublic('services.name', service);
}

/** Those that need the network are loaded by those who have such checks. */
async function probeOf(check: CheckSpec, index: number, doors: HookDoors): Promise<Probe> {
  const at = (key: string, text: string): string =>
    doors.readPublic(`checks[${index}].${key}`, text);
  switch (check.type) {
    case 'script': {
      const { command, args, timeoutMs, name } = check;
      const words = args.map((word, place) => at(`args[${place}]`, word));
      const argv = [at('command', command), ...words];
      return scriptProbe((signal) =>
        doors.exec(argv, { timeoutMs: timeoutMs * 2, slot: name, signal }),
      );
    }
    case 'tcp': {
      const { tcpProbe } = await import('./checks/tcp-probe.ts');
      return tcpProbe(askedAt(check.port, doors));
    }
    case 'http': {
      const { httpProbe } = await import('./checks/http-probe.ts');
      const place = askedAt(check.port, doors);
      const path = at('path', check.path);
      return httpProbe(check, { place, path, asked: () => askedNow(check, index, doors) });
    }
  }
}

/** A port without a label is looked for where the program is: what the machine has there is none of its business. */
function askedAt(port: PortName, { network, env }: HookDoors): Place {
  const place = placeOf(port, env());
  return typeof port === 'number' ? { ...place, openSocket: () => network.openSocket() } : place;
}

interface Asked {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** With secrets in it. */
function askedWith({ headers = {}, body }: HttpProbe, index: number, doors: HookDoors): Asked {
  const at = (key: string, text: string): string => doors.read(`checks[${index}].${key}`, text);
  return {
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, text]) => [name, at(`headers.${name}`, text)]),
    ),
    body: body === undefined ? undefined : at('body', body),
  };
}

/** A secret that this agent does not have says nothing of the program. */
function askedNow(wish: HttpProbe, index: number, doors: HookDoors): Asked {
  try {
    return askedWith(wish, index, doors);
  } catch (error) {
    if (isRetryable(error)) throw error;
    throw new HoldfastError('UNAVAILABLE', messageOf(error), { cause: error });
  }
}

function fault(text: string): HoldfastError {
  return new HoldfastError('START_FAILED', text);
}
