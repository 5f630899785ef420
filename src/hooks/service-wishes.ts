/** What a task says of its services and checks, as it is about its program: names, places and how each is asked. */
import { HoldfastError, isRetryable, messageOf } from '../errors.ts';
import type { DriverNetwork, ServiceFacts } from '../machines/task-messages.ts';
import type { CheckSpec, HttpProbe, PortName } from '../spec/check-spec.ts';
import { isServiceName, type ServiceSpec } from '../spec/service-spec.ts';
import { placeInside, placeOf, type Place } from './checks/places.ts';
import type { Probe } from './checks/probe.ts';
import { scriptProbe } from './checks/script-probe.ts';
import type { HookDoors, HookRequest } from './hook.ts';

/** In the order of the spec. */
export interface Wishes {
  readonly services: readonly ServiceFacts[];
  readonly probes: readonly Probe[];
}

/** Before the start nobody knows what the driver will make: what can be said without it is looked at. */
const NOT_YET: DriverNetwork = { ip: '', ports: {}, isAdvertised: false };

/** Throws START_FAILED for what cannot be said of a program that is about to start. */
export async function assertWishes(request: HookRequest, doors: HookDoors): Promise<void> {
  await wishesOf({ ...request, driverNetwork: NOT_YET }, doors);
  for (const [index, check] of (request.task.checks ?? []).entries()) {
    if (check.type === 'http') askedWith(check, index, doors);
  }
}

/** Throws START_FAILED for what cannot be said of the program. */
export async function wishesOf(
  { task, driverNetwork }: Pick<HookRequest, 'task' | 'driverNetwork'>,
  doors: HookDoors,
): Promise<Wishes> {
  const services = (task.services ?? []).map((one, index) =>
    factsOf(one, index, doors, driverNetwork),
  );
  const names = services.map(({ service }) => service);
  const twin = names.find((name, index) => names.indexOf(name) !== index);
  if (twin !== undefined) throw fault(`two services are called "${twin}"`);
  const probes: Probe[] = [];
  for (const [index, check] of (task.checks ?? []).entries()) {
    probes.push(await probeOf(check, index, doors, driverNetwork));
  }
  return { services, probes };
}

function factsOf(
  service: ServiceSpec,
  index: number,
  doors: HookDoors,
  network: DriverNetwork | undefined,
): ServiceFacts {
  const { port, address, tags = [], meta = {}, isGroups } = service;
  const at = (key: string, text: string): string =>
    doors.readPublic(`services[${index}].${key}`, text);
  const name = at('name', service.name);
  if (!isServiceName(name)) {
    const rule = 'must be 1 to 63 letters, digits or "-", and neither begin nor end with "-"';
    throw fault(`services[${index}].name: ${rule}: "${name}"`);
  }
  const place = port === undefined ? undefined : placeOfService(port, service, doors, network);
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

/** Nomad's rules. */
function placeOfService(
  port: PortName,
  { name, addressMode }: ServiceSpec,
  { env }: HookDoors,
  network: DriverNetwork | undefined,
): Place | undefined {
  if (addressMode === 'driver') {
    if (network === NOT_YET) return undefined;
    if (network === undefined) throw fault(`service ${name}: the driver has made no network`);
    return placeInside(port, network);
  }
  const isInside = addressMode === undefined && network?.isAdvertised === true;
  const isGiven = typeof port === 'number' || network?.ports[port] !== undefined;
  if (isInside && isGiven) return placeInside(port, network);
  return placeOf(port, env(), addressMode === 'alloc');
}

export function readName(service: string, { readPublic }: HookDoors): string {
  return readPublic('services.name', service);
}

/** Those that need the network are loaded by those who have such checks. */
async function probeOf(
  check: CheckSpec,
  index: number,
  doors: HookDoors,
  network: DriverNetwork | undefined,
): Promise<Probe> {
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
      return tcpProbe(askedAt(check.port, doors, network));
    }
    case 'http': {
      const { httpProbe } = await import('./checks/http-probe.ts');
      const place = askedAt(check.port, doors, network);
      const path = at('path', check.path);
      return httpProbe(check, { place, path, asked: () => askedNow(check, index, doors) });
    }
  }
}

/** A port without a label is looked for where the program is: what the machine has there is none of its business. */
function askedAt(
  port: PortName,
  { network, env }: HookDoors,
  own: DriverNetwork | undefined,
): Place {
  if (typeof port !== 'number') return placeOf(port, env());
  if (own !== undefined) return placeInside(port, own);
  return { ...placeOf(port, env()), openSocket: () => network.openSocket() };
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
