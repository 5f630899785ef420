/** The providers of secrets: each gives the value of one, as text. No error has any of it. */
import { execFile } from 'node:child_process';
import { HoldfastError } from '../../errors.ts';
import { nameMatcher } from '../../spec/name-globs.ts';
import type { SecretSource } from '../../spec/secret-spec.ts';
import { passing, refused } from '../artifacts/faults.ts';
import { LONGEST_SECRET } from '../gift-rules.ts';
import { readOpened } from '../read-opened.ts';
import type { SecretRules } from './rules.ts';

export interface SecretDoors {
  readonly rules: SecretRules;
  /** The agent's own. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

type From<P extends SecretSource['provider']> = Extract<SecretSource, { provider: P }>;
type Providers = {
  readonly [P in SecretSource['provider']]: (
    source: From<P>,
    doors: SecretDoors,
  ) => Promise<Uint8Array>;
};

const PROVIDERS: Providers = { env: fromEnv, file: fromFile, exec: fromProgram };

/**
 * Without the one line end that files and programs have at their end. Errors: CAPABILITY_MISSING for what the operator
 * does not let groups have; HOOK_FAILED, retryable where it may be there later.
 */
export async function fetchSecret(source: SecretSource, doors: SecretDoors): Promise<string> {
  const provider = PROVIDERS[source.provider] as (
    source: SecretSource,
    doors: SecretDoors,
  ) => Promise<Uint8Array>;
  const bytes = await provider(source, doors);
  if (bytes.length > LONGEST_SECRET) throw refused('is longer than 1 MiB');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refused('is no UTF-8 text: keep it in base64');
  }
  return source.provider === 'env' ? text : text.replace(/\r?\n$/, '');
}

async function fromEnv({ key }: From<'env'>, { rules, env }: SecretDoors): Promise<Uint8Array> {
  if (!nameMatcher(rules.env)(key)) {
    throw closed(`variable ${key} of the agent`, 'secrets.env (--secret-env)');
  }
  const value = env[key];
  if (value === undefined) throw refused(`the agent has no variable ${key}`);
  return Buffer.from(value);
}

async function fromFile({ path }: From<'file'>, { rules }: SecretDoors): Promise<Uint8Array> {
  const found = await readOpened(path, {
    roots: rules.fileRoots,
    mostBytes: LONGEST_SECRET,
    closed: (real) => closed(`${path} (${real})`, 'secrets.fileRoots (--secret-root)'),
  });
  if (found === undefined) throw passing(`${path} cannot be read: ENOENT`);
  return found;
}

/** What it says of an error may have the secret in it, and is thrown away. */
function fromProgram(
  { command: [program = '', ...args], timeoutMs }: From<'exec'>,
  { rules, signal, env }: SecretDoors,
): Promise<Uint8Array> {
  if (!rules.commands.includes(program)) {
    throw closed(`program ${program}`, 'secrets.commands (--secret-command)');
  }
  const { PATH = '/usr/bin:/bin', HOME = '/' } = env;
  const options = {
    encoding: 'buffer' as const,
    timeout: timeoutMs,
    killSignal: 'SIGKILL' as const,
    maxBuffer: LONGEST_SECRET + 1,
    env: { PATH, HOME },
    cwd: '/',
    signal,
  };
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, options, (error, output) => {
      if (error === null) return resolve(output);
      reject(programFault(program, error, timeoutMs));
    });
    child.stdin?.end();
  });
}

function programFault(
  program: string,
  error: Error & { readonly code?: unknown; readonly killed?: boolean },
  timeoutMs: number,
): HoldfastError {
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return refused('is longer than 1 MiB');
  if (error.killed === true) return passing(`${program} took longer than ${timeoutMs / 1000} s`);
  if (typeof error.code === 'string') return refused(`${program} cannot be run: ${error.code}`);
  const code = typeof error.code === 'number' ? error.code : 'unknown';
  return passing(`${program} ended with exit code ${code}`);
}

function closed(what: string, option: string): HoldfastError {
  const text = `${what} is nothing that this agent gives to tasks: its operator may allow it by ${option}`;
  return new HoldfastError('CAPABILITY_MISSING', text);
}
