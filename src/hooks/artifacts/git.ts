/**
 * A commit of a repository, by the program `git`. It gets an environment of its own, so that nothing of the machine's
 * configuration, no hook, no filter and no submodule has a say; credentials go in the environment, which no list of
 * processes shows.
 */
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import { shownSource } from '../../spec/artifact-source.ts';
import { isRef } from '../../spec/artifact-rules.ts';
import { passing, refused } from './faults.ts';

export interface GitWish {
  readonly url: string;
  readonly ref: string | undefined;
  readonly depth: number | undefined;
  /** A private key in its own format or in base64. */
  readonly sshKey: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly isInsecure: boolean;
  /** The task runs as somebody else than the agent. */
  readonly isForOthers: boolean;
  /** A directory of which only the agent knows; `tree` is made in it. */
  readonly dir: string;
  readonly signal: AbortSignal;
}

/** Gives the commit. The tree is `<dir>/tree`, its repository with it. */
export async function fetchRepository(wish: GitWish): Promise<string> {
  const { dir, url, ref = 'HEAD', depth } = wish;
  if (!isRef(ref)) throw refused(`options.ref must be a branch, a tag or a commit, not "${ref}"`);
  const tree = join(dir, 'tree');
  await mkdir(tree, { mode: 0o755 });
  const env = await environment(wish);
  const git = (...args: readonly string[]): Promise<string> => run(wish, env, tree, args);
  await git('init', '--quiet', '--template=');
  const isCommit = /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(ref);
  const fetch = ['fetch', '--quiet', '--no-tags', '--no-recurse-submodules', '--no-auto-gc'];
  const some = depth === undefined ? [] : [`--depth=${depth}`];
  try {
    await git(...fetch, ...some, '--', url, ref);
  } catch (error) {
    wish.signal.throwIfAborted();
    if (!isCommit) throw error;
    // Not every server gives a commit by its name alone: then everything that has a name is fetched.
    await git(...fetch, '--', url, '+refs/*:refs/remotes/all/*');
  }
  await git('checkout', '--quiet', '--detach', '--force', isCommit ? ref : 'FETCH_HEAD');
  return (await git('rev-parse', 'HEAD')).trim();
}

/** Of the agent's own environment. */
const PROXIES = ['https_proxy', 'http_proxy', 'no_proxy'];
const KEPT = ['PATH', ...PROXIES, ...PROXIES.map((name) => name.toUpperCase())];

async function environment(wish: GitWish): Promise<Env> {
  const { dir, headers, isInsecure, url } = wish;
  const machine = KEPT.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  const config: (readonly [string, string])[] = [
    ['core.hooksPath', '/dev/null'],
    ['core.fsmonitor', 'false'],
    ['submodule.recurse', 'false'],
    ['gc.auto', '0'],
    ['protocol.allow', 'never'],
    ...['https', 'ssh', 'file', 'http'].map(
      (name) => [`protocol.${name}.allow`, 'always'] as const,
    ),
    // A redirect of the first question is followed, and told nothing.
    ['http.followRedirects', 'initial'],
    ['http.lowSpeedLimit', '1'],
    ['http.lowSpeedTime', '60'],
    ...(isInsecure ? [['http.sslVerify', 'false'] as const] : []),
    ...Object.entries(headers).map(
      ([name, value]) => [`http.${new URL(url).origin}/.extraHeader`, `${name}: ${value}`] as const,
    ),
  ];
  const entries = config.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return {
    ...Object.fromEntries(machine),
    ...Object.fromEntries(entries),
    GIT_CONFIG_COUNT: String(config.length),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_SSH_COMMAND: await sshCommand(wish),
    GIT_ASKPASS: '/bin/false',
    HOME: dir,
    LC_ALL: 'C',
  };
}

type Env = Readonly<Record<string, string>>;

/**
 * Hosts are known by what the agent's user knows of them. His keys and his settings are for tasks that run as he:
 * others are let in by the key of the spec, or by none.
 */
async function sshCommand({ dir, sshKey, isInsecure, isForOthers }: GitWish): Promise<string> {
  const options = ['BatchMode=yes', 'ConnectTimeout=60', 'ServerAliveInterval=20'];
  if (isInsecure) options.push('StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null');
  else options.push('StrictHostKeyChecking=yes');
  if (isForOthers) options.push('IdentityAgent=none');
  if (sshKey !== undefined) options.push('IdentitiesOnly=yes');
  else if (isForOthers) options.push('IdentityFile=none');
  const words = ['ssh', ...(isForOthers ? ['-F', 'none'] : [])];
  words.push(...options.flatMap((option) => ['-o', option]));
  if (sshKey === undefined) return words.join(' ');
  const isPlain = sshKey.includes('-----BEGIN');
  const text = isPlain ? sshKey : Buffer.from(sshKey, 'base64').toString();
  const file = join(dir, 'key');
  await writeFile(file, text.endsWith('\n') ? text : `${text}\n`, { mode: 0o600 });
  return [...words, '-i', `'${file.replaceAll("'", "'\\''")}'`].join(' ');
}

/** Its output. Throws with what it said last. */
function run(wish: GitWish, env: Env, cwd: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    // A group of its own: what git starts ends with it.
    const child = spawn('git', args, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let out = '';
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (out = `${out}${chunk.toString()}`.slice(-10_000)));
    child.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-2_000)));
    const stop = (): void => endGroup(child.pid);
    wish.signal.addEventListener('abort', stop, { once: true });
    child.on('error', (error) => {
      const isMissing = errnoOf(error) === 'ENOENT';
      reject(
        isMissing ? refused('needs the program git, which this machine does not have') : error,
      );
    });
    child.on('close', (code) => {
      wish.signal.removeEventListener('abort', stop);
      if (wish.signal.aborted) reject(wish.signal.reason as Error);
      else if (code === 0) resolve(out);
      else reject(gitFault(wish.url, args[0] ?? '', said));
    });
    if (wish.signal.aborted) stop();
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

const NETWORK =
  /could not resolve|connection|timed? ?out|unable to access|early eof|hung up|RPC failed|\b5\d\d\b/i;

function gitFault(url: string, command: string, said: string): Error {
  const line = said.split('\n').findLast((one) => /^(fatal|error):/.test(one)) ?? said.trim();
  const plain = line.replace(/\/\/[^/@\s]*@/g, '//').slice(0, 500);
  const text = `git ${command} of ${shownSource(url)}: ${plain || 'failed without a word'}`;
  const isDenied = /\b(401|403|404)\b|not found|denied|couldn't find remote ref/i.test(plain);
  return NETWORK.test(said) && !isDenied ? passing(text) : refused(text);
}
