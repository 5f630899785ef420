/** `--sinks FILE`: a list of sinks, or a map with that list under `sinks`, in YAML or JSON. */
import { HoldfastError } from '../errors.ts';
import type { AgentLimits } from './keep-serving.ts';

/** Errors: USAGE, and those of a file that cannot be read. */
export async function wishedSinks(path: string | undefined): Promise<Pick<AgentLimits, 'sinks'>> {
  if (path === undefined) return {};
  const { readSpecFile } = await import('./read-spec-file.ts');
  const { readSinks } = await import('../spec/read-sinks.ts');
  const { value } = await readSpecFile(path);
  try {
    return { sinks: readSinks(value) };
  } catch (error) {
    const { code, message, details } = HoldfastError.from(error);
    throw new HoldfastError(code, `${path}: ${message}`, { cause: error, details });
  }
}
