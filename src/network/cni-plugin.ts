/**
 * One call of one CNI plugin, as the specification of CNI (0.3 to 1.0) says it: a program with the call in its
 * environment, its configuration on stdin, and JSON on stdout.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { HoldfastError, messageOf } from '../errors.ts';
import { SYSTEM_PATH } from '../os/network-namespace.ts';

export interface CniCall {
  readonly command: 'ADD' | 'CHECK' | 'DEL';
  readonly containerId: string;
  /** Path of the namespace; empty when it is gone, which only DEL may be told. */
  readonly namespace: string;
  /** What the interface inside is called. */
  readonly interface: string;
  /** `KEY=VALUE;KEY=VALUE`. */
  readonly args: string;
  /** Where plugins are, in this order. */
  readonly cniPath: readonly string[];
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** Of one plugin; what it makes meanwhile is undone by DEL. */
const LIMIT_MS = 60_000;
const MOST_BYTES = 1_048_576;

/** What it printed; undefined for nothing. Errors: START_RETRYABLE with what the plugin says, CAPABILITY_MISSING. */
export async function callPlugin(config: JsonObject, call: CniCall): Promise<unknown> {
  const type = String(config['type']);
  const file = findPlugin(type, call.cniPath);
  if (file === undefined) throw missingPlugin(type, call.cniPath);
  const env = {
    PATH: SYSTEM_PATH,
    CNI_COMMAND: call.command,
    CNI_CONTAINERID: call.containerId,
    CNI_NETNS: call.namespace,
    CNI_IFNAME: call.interface,
    CNI_ARGS: call.args,
    CNI_PATH: call.cniPath.join(':'),
  };
  const { said, failure } = await run(file, env, JSON.stringify(config));
  const answer = parsed(said);
  if (failure === undefined) return answer;
  const { msg, details } = (answer ?? {}) as { msg?: unknown; details?: unknown };
  const words = [msg, details].filter((word) => typeof word === 'string' && word !== '');
  const text = words.length > 0 ? words.join(': ') : failure;
  throw new HoldfastError('START_RETRYABLE', `CNI plugin ${type}, ${call.command}: ${text}`);
}

/** Undefined for a plugin that is nowhere, and for a name that would be a path. */
export function findPlugin(type: string, cniPath: readonly string[]): string | undefined {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(type)) return undefined;
  return cniPath.map((dir) => join(dir, type)).find(isExecutable);
}

export function missingPlugin(type: string, cniPath: readonly string[]): HoldfastError {
  const text = `CNI plugin ${type} is not in ${cniPath.join(' or ')}: install containernetworking-plugins, or name its directory in network.cniPath`;
  return new HoldfastError('CAPABILITY_MISSING', text, { details: { plugin: type } });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

interface Answer {
  readonly said: string;
  readonly failure: string | undefined;
}

function run(file: string, env: Readonly<Record<string, string>>, input: string): Promise<Answer> {
  return new Promise((resolve) => {
    const limits = { timeout: LIMIT_MS, killSignal: 'SIGKILL', maxBuffer: MOST_BYTES } as const;
    const child = execFile(file, [], { env, ...limits }, (error, stdout, stderr) => {
      const why = error?.killed === true ? `took longer than ${LIMIT_MS / 1000} s` : undefined;
      const words = stderr.trim().slice(-1000);
      const failure = error === null ? undefined : (why ?? (words || messageOf(error)));
      resolve({ said: stdout, failure });
    });
    // One that ends without reading is told by its exit status.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

function parsed(text: string): unknown {
  try {
    return text.trim() === '' ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}
