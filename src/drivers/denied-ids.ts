/** Users and groups that no task of a driver may run as: Nomad's rule and words (drivers/shared/validators). Pure. */
import { HoldfastError } from '../errors.ts';
import type { Account } from './confinement.ts';

interface IdRange {
  readonly lower: number;
  readonly upper: number;
}

export interface DeniedIds {
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
}

const LARGEST = 0xffff_ffff;

/** A comma list of ids and `lower-upper` ranges. Throws USAGE. */
export function idRanges(text: string): readonly IdRange[] {
  if (text.trim() === '') return [];
  return text.split(',').map((part) => {
    const [lower = '', upper = lower, ...more] = part.trim().split('-');
    const bounds = [lower, upper].map((bound) => (/^\d+$/.test(bound) ? Number(bound) : NaN));
    const [low = NaN, high = NaN] = bounds;
    if (more.length > 0 || !(low <= LARGEST) || !(high <= LARGEST)) {
      throw new HoldfastError('USAGE', `range bound not valid: "${part}"`);
    }
    if (low > high) {
      throw new HoldfastError('USAGE', `lower bound cannot be greater than upper bound: "${part}"`);
    }
    return { lower: low, upper: high };
  });
}

/** Whom an operator lets no task run as: comma lists of numbers and ranges, such as `0-999,5000`. */
export interface DeniedIdOptions {
  readonly deniedHostUids?: string;
  readonly deniedHostGids?: string;
}

/** Throws USAGE. */
export function deniedIds({
  deniedHostUids = '',
  deniedHostGids = '',
}: DeniedIdOptions): DeniedIds {
  return { uids: idRanges(deniedHostUids), gids: idRanges(deniedHostGids) };
}

/** Throws PERMISSION_DENIED. */
export function assertAllowed({ uid, gid, groups }: Account, denied: DeniedIds): void {
  if (isIn(uid, denied.uids)) throw refused('uid', uid);
  const group = [gid, ...groups].find((one) => isIn(one, denied.gids));
  if (group !== undefined) throw refused('gid', group);
}

function isIn(id: number, ranges: readonly IdRange[]): boolean {
  return ranges.some(({ lower, upper }) => id >= lower && id <= upper);
}

function refused(kind: string, id: number): HoldfastError {
  return new HoldfastError('PERMISSION_DENIED', `running as ${kind} ${id} is disallowed`);
}
