/** What an operator writes down about drivers, made into drivers. */
import { isAbsolute } from 'node:path';
import { HoldfastError, type ErrorDetails } from '../errors.ts';
import { closest } from '../spec/closest.ts';
import { readCapabilities } from './capabilities.ts';
import { ConfigReading } from './config-reading.ts';
import { docker } from './docker/docker.ts';
import type { Driver } from './driver.ts';
import { exec } from './exec.ts';
import type { IsolationOptions } from './isolated-driver.ts';
import { java } from './java.ts';
import { rawExec } from './raw-exec.ts';

type Map = Readonly<Record<string, unknown>>;

const MAKERS: Readonly<Record<string, (written: Map) => Driver>> = {
  docker: (written) => docker(written),
  exec: (written) => exec(read('exec', written, isolation)),
  java: (written) =>
    java(
      read('java', written, (reading) => {
        const javaPath = absolute(reading, 'javaPath', reading.text('javaPath', PATH));
        return { ...isolation(reading), ...(javaPath !== undefined && { javaPath }) };
      }),
    ),
  raw_exec: (written) =>
    rawExec(
      read('raw_exec', written, (reading) => ({
        ...denied(reading),
        deniedEnv: reading.texts('deniedEnv'),
      })),
    ),
};

/** Every driver of this package; an agent picks from them. */
export function builtinDrivers(): readonly Driver[] {
  return writtenDrivers().map(({ driver }) => driver);
}

/** A driver, and whether it is wanted: undefined when nothing is written of that. */
export interface WrittenDriver {
  readonly driver: Driver;
  readonly isEnabled: boolean | undefined;
}

/** One of a process of its own. What its options mean, only it knows. */
interface Plugin {
  readonly name: string;
  readonly options?: Map;
}

interface WrittenOptions<P> {
  /** Every driver of this package. */
  readonly drivers: readonly WrittenDriver[];
  /** Those that are not off, with their options. */
  readonly plugins: readonly P[];
}

/** As `readDriverOptions`, where there are only drivers of this package. */
export function writtenDrivers(written: unknown = {}): readonly WrittenDriver[] {
  return readDriverOptions(written, []).drivers;
}

/**
 * The options from `drivers: { NAME: { enabled, … } }`, of drivers of this package and of `plugins`; keys may be in
 * snake_case. Throws USAGE with what is wrong, and of which driver.
 */
export function readDriverOptions<P extends Plugin>(
  written: unknown = {},
  plugins: readonly P[],
): WrittenOptions<P> {
  const { drivers = {}, ...strangers } = mapOf(written, 'the options');
  const [stranger] = Object.keys(strangers);
  if (stranger !== undefined) throw unknown(stranger, ['drivers'], 'is not an option');
  const options = mapOf(drivers, 'drivers');
  const names = [...Object.keys(MAKERS), ...plugins.map(({ name }) => name)];
  const odd = Object.keys(options).find((name) => !names.includes(name));
  if (odd !== undefined) throw unknown(odd, names, 'is not a driver', { driver: odd });
  return {
    drivers: Object.entries(MAKERS).map(([name, make]) => {
      const { own, isEnabled } = optionsOf(name, options[name]);
      return { driver: make(own), isEnabled };
    }),
    plugins: plugins.flatMap((plugin) => {
      const { own, isEnabled } = optionsOf(plugin.name, options[plugin.name]);
      return isEnabled === false ? [] : [{ ...plugin, options: { ...plugin.options, ...own } }];
    }),
  };
}

function optionsOf(name: string, written: unknown) {
  const { enabled: isEnabled, ...own } = mapOf(written ?? {}, `drivers.${name}`);
  if (isEnabled === undefined || typeof isEnabled === 'boolean') return { own, isEnabled };
  const details = { driver: name, issues: [{ path: 'enabled' }] };
  const text = `drivers.${name}.enabled must be true or false`;
  throw new HoldfastError('USAGE', text, { details });
}

function mapOf(value: unknown, what: string): Map {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Map;
  throw new HoldfastError('USAGE', `${what} must be a map`);
}

function unknown(
  word: string,
  known: readonly string[],
  what: string,
  details: ErrorDetails = {},
): HoldfastError {
  const near = closest(word, known);
  const hint = near === undefined ? `There are: ${known.join(', ')}` : `Did you mean ${near}?`;
  return new HoldfastError('USAGE', `${word} ${what}. ${hint}`, { details });
}

/** Throws USAGE with `details.issues`. */
function read<T>(name: string, written: Map, readAll: (reading: ConfigReading) => T): T {
  const reading = new ConfigReading(name, written);
  const options = readAll(reading);
  try {
    reading.end();
  } catch (error) {
    const { message, details } = HoldfastError.from(error);
    const text = `options of driver ${name}: ${message}`;
    throw new HoldfastError('USAGE', text, { cause: error, details: { ...details, driver: name } });
  }
  return options;
}

const PATH = 'an absolute path';
const RANGES = 'a list of numbers and ranges such as "0-999,5000"';

function denied(reading: ConfigReading) {
  const uids = reading.text('deniedHostUids', RANGES);
  const gids = reading.text('deniedHostGids', RANGES);
  return {
    ...(uids !== undefined && { deniedHostUids: uids }),
    ...(gids !== undefined && { deniedHostGids: gids }),
  };
}

/** What is not written is not there: each driver has defaults of its own. */
function isolation(reading: ConfigReading): IsolationOptions {
  const allowed = readCapabilities(reading, 'allowCaps');
  const chrootEnv = reading.textMap('chrootEnv');
  for (const [source, inside] of Object.entries(chrootEnv)) {
    absolute(reading, `chrootEnv.${source}`, source);
    absolute(reading, `chrootEnv.${source}`, inside);
  }
  const pidMode = reading.oneOf('defaultPidMode', MODES);
  const ipcMode = reading.oneOf('defaultIpcMode', MODES);
  return {
    ...denied(reading),
    ...(allowed.length > 0 && { allowCapabilities: allowed }),
    ...(Object.keys(chrootEnv).length > 0 && { chrootEnv }),
    ...(pidMode !== undefined && { defaultPidMode: pidMode }),
    ...(ipcMode !== undefined && { defaultIpcMode: ipcMode }),
  };
}

const MODES = ['private', 'host'] as const;

function absolute(
  reading: ConfigReading,
  name: string,
  path: string | undefined,
): string | undefined {
  if (path === undefined || isAbsolute(path)) return path;
  return reading.wrong(name, `must be ${PATH}`);
}
