/** What may be claimed of the value of an option. By hand: a library for it would take longer to load than the rest. */
import { isIP, isIPv4 } from 'node:net';

export function isText(value: unknown): boolean {
  return typeof value === 'string' && !value.includes('\0');
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Never root, and never the number that means "unchanged". */
export function isRange(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { from, to } = value;
  return isWhole(from, 1) && isWhole(to, from as number) && (to as number) <= 4_294_967_294;
}

const LAST_PORT = 65_535;

export function isPortRange(value: unknown): boolean {
  return isRange(value) && (value as { to: number }).to <= LAST_PORT;
}

export function isListOfPorts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => isWhole(one, 1) && one <= LAST_PORT);
}

export function isAddress(value: unknown): boolean {
  return typeof value === 'string' && isIP(value) !== 0;
}

export function isSubnet(value: unknown): boolean {
  const [ip = '', prefix = '', ...rest] = typeof value === 'string' ? value.split('/') : [];
  return rest.length === 0 && isIPv4(ip) && /^\d+$/.test(prefix) && Number(prefix) <= 30;
}

export function isObjectOfAddresses(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(isAddress);
}

export function isWhole(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

export function has(value: unknown, ...methods: readonly string[]): boolean {
  const things = value as Readonly<Record<string, unknown>>;
  return isThing(value) && methods.every((name) => typeof things[name] === 'function');
}

/** Functions with properties are loggers to some. */
function isThing(value: unknown): boolean {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

export function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

export function isObjectOfTexts(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(isText);
}

export function isListOf(value: unknown, ...names: readonly string[]): boolean {
  const fits = (one: unknown): boolean =>
    isObject(one) && names.every((name) => name in one && one[name] !== undefined);
  return Array.isArray(value) && value.every(fits);
}
