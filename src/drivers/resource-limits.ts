/** `rlimits` of a task: what prlimit(1) sets, read from its config and held against what this agent may give. */
import { readFileSync } from 'node:fs';
import { HoldfastError } from '../errors.ts';
import { limitsIn } from '../os/open-files.ts';
import { ownCapabilities } from '../os/own-capabilities.ts';
import type { ConfigReading } from './config-reading.ts';
import type { ResourceLimit } from './confinement.ts';

/** As prlimit(1) names them, with the line of /proc/self/limits. */
const LINES: Readonly<Record<string, string>> = {
  as: 'Max address space',
  core: 'Max core file size',
  cpu: 'Max cpu time',
  data: 'Max data size',
  fsize: 'Max file size',
  locks: 'Max file locks',
  memlock: 'Max locked memory',
  msgqueue: 'Max msgqueue size',
  nice: 'Max nice priority',
  nofile: 'Max open files',
  nproc: 'Max processes',
  rss: 'Max resident set',
  rtprio: 'Max realtime priority',
  rttime: 'Max realtime timeout',
  sigpending: 'Max pending signals',
  stack: 'Max stack size',
};

/** What the tools have open that lead to a program; below it they fail, or the program before its first instruction. */
const FEWEST_FILES = 16;

type Amount = number | 'unlimited';

/** `nofile: 1024`, `nofile: "1024:4096"`, `core: unlimited`, `nofile: { soft: 1, hard: 2 }`. */
export function readResourceLimits(reading: ConfigReading, name: string): readonly ResourceLimit[] {
  const wish = reading.any(name);
  if (wish === undefined) return [];
  if (typeof wish !== 'object' || wish === null || Array.isArray(wish)) {
    reading.wrong(name, 'must be a map such as { nofile: 1024 }');
    return [];
  }
  const limits: ResourceLimit[] = [];
  for (const [key, value] of Object.entries(wish)) {
    const limit = Object.hasOwn(LINES, key) ? amountsOf(value) : undefined;
    if (key === 'nofile' && limit !== undefined && numberOf(limit.soft) < FEWEST_FILES) {
      reading.wrong(
        `${name}.${key}`,
        `must be at least ${FEWEST_FILES}: no program starts with less`,
      );
    } else if (limit !== undefined) limits.push({ name: key, ...limit });
    else if (Object.hasOwn(LINES, key)) reading.wrong(`${name}.${key}`, FORM);
    else reading.wrong(`${name}.${key}`, `is no limit (${Object.keys(LINES).join(', ')})`);
  }
  return limits;
}

const FORM = 'must be a number, "unlimited" or "soft:hard", and soft at most hard';

function amountsOf(value: unknown): { readonly soft: Amount; readonly hard: Amount } | undefined {
  const parts =
    typeof value === 'object' && value !== null
      ? [(value as { soft?: unknown }).soft, (value as { hard?: unknown }).hard]
      : String(value).split(':');
  const [soft, hard = soft] = parts.map(amountOf);
  if (soft === undefined || hard === undefined || parts.length > 2) return undefined;
  return numberOf(soft) > numberOf(hard) ? undefined : { soft, hard };
}

function amountOf(value: unknown): Amount | undefined {
  const text = String(value);
  if (text === 'unlimited') return 'unlimited';
  const amount = /^\d+$/.test(text) ? Number(text) : undefined;
  return amount !== undefined && Number.isSafeInteger(amount) ? amount : undefined;
}

function numberOf(amount: Amount): number {
  return amount === 'unlimited' ? Number.POSITIVE_INFINITY : amount;
}

/** Throws CAPABILITY_MISSING for a limit above what this agent has and may not raise. */
export function assertResourceLimits(limits: readonly ResourceLimit[]): void {
  if (limits.length === 0 || ownCapabilities().includes('CAP_SYS_RESOURCE')) return;
  const own = readFileSync('/proc/self/limits', 'latin1');
  for (const { name, hard } of limits) {
    const [, text] = limitsIn(own, LINES[name] ?? '');
    if (text === 'unlimited' || numberOf(hard) <= Number(text)) continue;
    const why = `${name} of ${hard} is above the hard limit of this agent, ${text}`;
    throw new HoldfastError('CAPABILITY_MISSING', `${why}, and it lacks CAP_SYS_RESOURCE`);
  }
}
