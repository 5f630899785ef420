/** `--driver-options FILE`, and which drivers an agent has after all. */
import type { Driver } from '../drivers/driver.ts';
import type { WrittenDriver } from '../drivers/driver-options.ts';
import type { OrchestratorOptions } from '../orchestrator.ts';
import { HoldfastError } from '../errors.ts';
import { closest } from '../spec/closest.ts';
import type { SpecSource } from '../spec/checked-input.ts';

export interface DriverWishes {
  readonly driver?: readonly string[];
  readonly onlyDriver?: readonly string[];
  /** A file in YAML or JSON. */
  readonly driverOptions?: string;
  /** What the configuration of the agent says of them; counts without a file of their own. */
  readonly drivers?: { readonly written: unknown; readonly source: SpecSource };
  /** As `driver-plugin-option.ts` reads them. */
  readonly driverPlugin?: DriverPlugins;
}

type DriverPlugins = NonNullable<OrchestratorOptions['driverPlugins']>;

export interface WishedDrivers {
  readonly drivers: readonly Driver[];
  /** With their options. */
  readonly driverPlugins: DriverPlugins;
  /** Their options, as somebody wrote them. */
  readonly written: unknown;
}

/** Errors: USAGE, SPEC_INVALID, and those of a file that cannot be read. */
export async function wishedDrivers(wishes: DriverWishes): Promise<WishedDrivers> {
  const { readDriverOptions } = await import('../drivers/driver-options.ts');
  const { driverOptions: path, driverPlugin = [], drivers: configured } = wishes;
  const read = (written?: unknown): WishedDrivers => {
    const { drivers, plugins } = readDriverOptions(written, driverPlugin);
    return { drivers: chosen(drivers, wishes), driverPlugins: plugins, written };
  };
  if (path === undefined && configured === undefined) return read();
  if (path === undefined)
    return placed(configured?.source, () => read({ drivers: configured?.written }));
  const { readSpecFile } = await import('./read-spec-file.ts');
  const { value } = await readSpecFile(path);
  try {
    return read(value);
  } catch (error) {
    const { code, message, details } = HoldfastError.from(error);
    throw new HoldfastError(code, `${path}: ${message}`, { cause: error, details });
  }
}

/** Throws SPEC_INVALID with the place of the mistake. */
function placed<T>(source: SpecSource | undefined, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { message, details } = HoldfastError.from(error);
    const place = source?.locate(['drivers', ...placeOf(details)], 'key');
    const at = place === undefined ? '' : `:${place.line}:${place.column}`;
    throw new HoldfastError('SPEC_INVALID', `${source?.file}${at}  ${message}`, { cause: error });
  }
}

function placeOf({ driver, issues }: HoldfastError['details']): readonly string[] {
  if (typeof driver !== 'string') return [];
  const [first] = (Array.isArray(issues) ? issues : []) as readonly { readonly path?: string }[];
  return [driver, ...(first?.path?.split('.') ?? [])];
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
