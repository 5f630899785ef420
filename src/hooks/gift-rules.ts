/** What a hook may give a program: what a spec may ask for, and nothing that cannot be recorded or handed over. */
import { HoldfastError } from '../errors.ts';
import type { TaskMount } from '../spec/task-spec.ts';
import type { GivenSecret, PrestartResult } from './hook.ts';

/** What the kernel takes as one variable (MAX_ARG_STRLEN), in bytes. */
const LONGEST_VARIABLE = 131_072;
/** Nomad's limit of a file with a secret is that of its tmpfs. */
export const LONGEST_SECRET = 1_048_576;
const VARIABLE = /^[^=\0]+$/;
export const SECRET_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** Throws HOOK_FAILED. No text names a value. */
export function assertGift(
  hook: string,
  { env = {}, secrets = [], mounts = [], user }: PrestartResult,
): void {
  const fault =
    faultOfEnv(env) ??
    first(secrets, faultOfSecret) ??
    first(mounts, faultOfMount) ??
    (user === undefined || /^[^:\s/]+(:[^:\s/]+)?$/.test(user)
      ? undefined
      : `"${user}" is no user`);
  if (fault !== undefined)
    throw new HoldfastError('HOOK_FAILED', `hook ${hook} gave what no program can have: ${fault}`);
}

function first<T>(all: readonly T[], faultOf: (one: T) => string | undefined): string | undefined {
  for (const one of all) {
    const fault = faultOf(one);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function faultOfEnv(env: Readonly<Record<string, string>>): string | undefined {
  for (const [name, value] of Object.entries(env)) {
    if (!VARIABLE.test(name)) return `${JSON.stringify(name)} cannot name a variable`;
    const fault = faultOfValue(value);
    if (fault !== undefined) return `variable ${name} ${fault}`;
  }
  return undefined;
}

function faultOfSecret({ name, value, env }: GivenSecret): string | undefined {
  if (!SECRET_NAME.test(name)) return `${JSON.stringify(name)} cannot name a secret`;
  if (Buffer.byteLength(value) > LONGEST_SECRET) return `secret ${name} is longer than 1 MiB`;
  if (env === undefined) return undefined;
  if (!VARIABLE.test(env)) return `${JSON.stringify(env)} cannot name a variable`;
  const fault = faultOfValue(value);
  return fault && `secret ${name} ${fault}, and cannot be variable ${env}`;
}

function faultOfValue(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'is no text';
  if (value.includes('\0')) return 'holds a NUL byte';
  return Buffer.byteLength(value) > LONGEST_VARIABLE ? 'is longer than 128 KiB' : undefined;
}

function faultOfMount(mount: TaskMount): string | undefined {
  const { destination } = mount;
  const source = mount.type === 'bind' ? mount.source : '/';
  const wrong = [source, destination].find((path) => !isPlain(path));
  if (wrong !== undefined) return `"${wrong}" must be an absolute path without ".."`;
  const isKernels = ['/', '/dev', '/proc', '/sys'].includes(destination.replace(/(.)\/+$/, '$1'));
  return isKernels ? `nothing can be mounted on ${destination}` : undefined;
}

function isPlain(path: string): boolean {
  return path.startsWith('/') && !path.split('/').includes('..') && !path.includes('\0');
}
