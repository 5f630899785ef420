import { constants } from 'node:os';
import { HoldfastError } from '../../errors.ts';

/** Throws USAGE for a name that is no signal. */
export function assertSignal(name: string): NodeJS.Signals {
  if (Object.hasOwn(constants.signals, name)) return name as NodeJS.Signals;
  throw new HoldfastError('USAGE', `${JSON.stringify(name)} is not a signal`);
}
