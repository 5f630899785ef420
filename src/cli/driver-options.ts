/** `--driver-options FILE`, and which drivers an agent has after all. */
import type { Driver } from '../drivers/driver.ts';
import type { WrittenDriver } from '../drivers/driver-options.ts';
import type { OrchestratorOptions } from '../orchestrator.ts';
import { HoldfastError } from '../errors.ts';
import { closest } from '../spec/closest.ts';

export interface DriverWishes {
  readonly driver?: readonly string[];
  readonly onlyDriver?: readonly string[];
  /** A file in YAML or JSON. */
  readonly driverOptions?: string;
  /** As `driver-plugin-option.ts` reads them. */
  readonly driverPlugin?: DriverPlugins;
}

type DriverPlugins = NonNullable<OrchestratorOptions['driverPlugins']>;

interface Wished {
  readonly drivers: readonly Driver[];
  /** With their options. */
  readonly driverPlugins: DriverPlugins;
}

/** Errors: USAGE, and those of a file that cannot be read. */
export async function wishedDrivers(wishes: DriverWishes): Promise<Wished> {
  const { readDriverOptions } = await import('../drivers/driver-options.ts');
  const { driverOptions: path, driverPlugin = [] } = wishes;
  const read = (value?: unknown): Wished => {
    const { drivers, plugins } = readDriverOptions(value, driverPlugin);
    return { drivers: chosen(drivers, wishes), driverPlugins: plugins };
  };
  if (path === undefined) return read();
  const { readSpecFile } = await import('./read-spec-file.ts');
  const { value } = await readSpecFile(path);
  try {
    return read(value);
  } catch (error) {
    const { code, message, details } = HoldfastError.from(error);
    throw new HoldfastError(code, `${path}: ${message}`, { cause: error, details });
  }
}

/**
 * Those that are not off and those that are named; or only those that are named. `raw_exec`, which isolates nothing, is
 * off unless asked for. Throws USAGE.
 */
export function chosen(
  all: readonly WrittenDriver[],
  { driver: more = [], onlyDriver: only = [] }: DriverWishes,
): readonly Driver[] {
  const names = all.map(({ driver }) => driver.name);
  for (const name of [...more, ...only]) {
    if (names.includes(name)) continue;
    const near = closest(name, names);
    const meant = near === undefined ? `There are: ${names.join(', ')}` : `Did you mean ${near}?`;
    throw new HoldfastError('USAGE', `there is no driver ${name}. ${meant}`);
  }
  const isWanted = ({ driver: { name }, isEnabled }: WrittenDriver): boolean =>
    only.length > 0
      ? only.includes(name)
      : more.includes(name) || (isEnabled ?? name !== 'raw_exec');
  return all.filter(isWanted).map(({ driver }) => driver);
}
