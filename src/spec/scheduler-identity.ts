/**
 * Who a scheduler says that an alloc is. Nothing here decides by it: programs are told, as Nomad tells them. It stands
 * in the recorded spec, and no part of it in the spec's hash: the same wish from two schedulers is the same wish.
 */
import { HoldfastError } from '../errors.ts';

export interface SchedulerIdentity {
  readonly jobId?: string;
  readonly jobName?: string;
  /** Of a job that was dispatched from another one. */
  readonly jobParentId?: string;
  readonly namespace?: string;
  readonly region?: string;
  readonly datacenter?: string;
  readonly nodeId?: string;
  readonly nodeName?: string;
  readonly nodeClass?: string;
  readonly nodePool?: string;
  /** Left out: `<job>.<group>[<index>]` when job and index are known, else the group's name. */
  readonly allocName?: string;
  /** Counts the allocs of one group from 0. */
  readonly allocIndex?: number;
}

const TEXTS: ReadonlySet<string> = new Set([
  'jobId',
  'jobName',
  'jobParentId',
  'namespace',
  'region',
  'datacenter',
  'nodeId',
  'nodeName',
  'nodeClass',
  'nodePool',
  'allocName',
] satisfies readonly (keyof SchedulerIdentity)[]);
/** It is recorded with every alloc. */
const LONGEST = 256;

/** Whoever embeds Holdfast need not have types. What is undefined was left out. Errors: USAGE. */
export function checkIdentity(given: unknown): SchedulerIdentity {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new HoldfastError('USAGE', 'identity must be an object');
  }
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  for (const [key, value] of said) {
    if (key === 'allocIndex') {
      if (Number.isSafeInteger(value) && (value as number) >= 0) continue;
      throw wrong(key, 'must be a whole number, 0 or more');
    }
    if (!TEXTS.has(key)) throw wrong(key, `is not known: ${[...TEXTS, 'allocIndex'].join(', ')}`);
    if (typeof value !== 'string' || value === '') throw wrong(key, 'must be a text');
    if (value.includes('\0')) throw wrong(key, 'must not contain NUL');
    if (value.length > LONGEST) throw wrong(key, `is longer than ${LONGEST} characters`);
  }
  return Object.fromEntries(said);
}

function wrong(key: string, what: string): HoldfastError {
  return new HoldfastError('USAGE', `identity.${key} ${what}`, { details: { key } });
}
