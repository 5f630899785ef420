/**
 * Network namespaces that outlive whoever made them: files below `/run/netns`, as ip(8) makes and shows them, so that
 * an operator finds them by `ip netns`. They are gone when the machine was started anew. Only root can make one.
 */
import { execFile } from 'node:child_process';
import { existsSync, rmSync, statfsSync } from 'node:fs';
import { promisify } from 'node:util';
import { HoldfastError, messageOf } from '../errors.ts';
import { namesIn } from './quiet-reads.ts';

const NETNS_DIR = '/run/netns';
/** Of the file system that namespaces are files of. */
const NSFS_MAGIC = 0x6e_73_66_73;
const LIMIT_MS = 20_000;
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Whether the programs that work on networks find this one. */
export function isInstalled(program: string): boolean {
  return SYSTEM_PATH.split(':').some((dir) => existsSync(`${dir}/${program}`));
}

export function namespacePath(name: string): string {
  return `${NETNS_DIR}/${name}`;
}

export function namespaceExists(name: string): boolean {
  try {
    return statfsSync(namespacePath(name)).type === NSFS_MAGIC;
  } catch {
    return false;
  }
}

/** Those whose names begin so, half-made ones too. */
export function namespacesLike(prefix: string): readonly string[] {
  return namesIn(NETNS_DIR).filter((name) => name.startsWith(prefix));
}

/** With its own `lo`, which is up. One that is there stays as it is. Errors: START_RETRYABLE with what ip(8) says. */
export async function ensureNamespace(name: string): Promise<void> {
  if (!namespaceExists(name)) {
    // Somebody died between its file and its mount, or the machine was started anew.
    rmSync(namespacePath(name), { force: true });
    await ip('netns', 'add', name);
  }
  await ip('-netns', name, 'link', 'set', 'lo', 'up');
}

/** Whoever is still in it keeps it, without a name. One that is not there is fine. Errors: START_RETRYABLE. */
export async function removeNamespace(name: string): Promise<void> {
  if (namespaceExists(name)) await ip('netns', 'delete', name);
  else rmSync(namespacePath(name), { force: true });
}

async function ip(...args: string[]): Promise<void> {
  try {
    await promisify(execFile)('ip', args, { timeout: LIMIT_MS, env: { PATH: SYSTEM_PATH } });
  } catch (error) {
    const said = (error as { readonly stderr?: string }).stderr?.trim() ?? '';
    const text = `ip ${args.join(' ')}: ${said === '' ? messageOf(error) : said}`;
    throw new HoldfastError('START_RETRYABLE', text, { cause: error });
  }
}
