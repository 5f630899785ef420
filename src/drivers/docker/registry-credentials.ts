/** With which credentials an image is pulled: the task's own, a helper's, or those of docker's config.json. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { HoldfastError } from '../../errors.ts';
import type { ImageConfig } from './config.ts';
import type { DockerOptions } from './options.ts';

type Credentials = Readonly<Record<string, string>>;

/** What docker calls the registry of images that name none. */
const USUAL_REGISTRY = 'https://index.docker.io/v1/';
const HELPER_LIMIT_MS = 10_000;

/** Undefined: none are known. Errors: START_RETRYABLE, without a word of what was read; none with `authSoftFail`. */
export async function credentialsFor(
  { image, auth, authSoftFail }: Pick<ImageConfig, 'image' | 'auth' | 'authSoftFail'>,
  operator: DockerOptions['auth'],
): Promise<Credentials | undefined> {
  if (auth !== undefined) {
    const { username, password, email, serverAddress } = auth;
    return present({ username, password, email, serveraddress: serverAddress });
  }
  const registry = registryOf(image);
  try {
    const helped = operator.helper && (await fromHelper(operator.helper, registry));
    if (helped) return helped;
    return operator.config === undefined ? undefined : await fromConfig(operator.config, registry);
  } catch (error) {
    if (authSoftFail) return undefined;
    const code = error instanceof SyntaxError ? 'what it says is no JSON' : String(error);
    throw new HoldfastError('START_RETRYABLE', `credentials for ${registry}: ${code}`);
  }
}

/** The first part of a name is a registry when it could be no user. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const isRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return isRegistry ? first : USUAL_REGISTRY;
}

async function fromConfig(path: string, registry: string): Promise<Credentials | undefined> {
  const config = JSON.parse(await readFile(path, 'utf8')) as {
    readonly auths?: Readonly<Record<string, { readonly auth?: string }>>;
    readonly credHelpers?: Readonly<Record<string, string>>;
    readonly credsStore?: string;
  };
  const helper = config.credHelpers?.[registry] ?? config.credsStore;
  if (helper !== undefined) return fromHelper(helper, registry);
  const { auths = {} } = config;
  const hostOf = (name: string): string => name.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  const key = Object.keys(auths).find(
    (name) => name === registry || hostOf(name) === hostOf(registry),
  );
  const code = key === undefined ? undefined : auths[key]?.auth;
  if (code === undefined) return undefined;
  const [username, ...password] = Buffer.from(code, 'base64').toString().split(':');
  return present({ username, password: password.join(':'), serveraddress: registry });
}

/** Undefined: it has none. Its words are its own: they may be secret, and are never passed on. */
async function fromHelper(name: string, registry: string): Promise<Credentials | undefined> {
  const program = `docker-credential-${name}`;
  const child = spawn(program, ['get'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: HELPER_LIMIT_MS,
  });
  // One that does not read what it is asked may still answer.
  child.stdin.on('error', () => undefined).end(registry);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => void chunks.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const text = Buffer.concat(chunks).toString();
  if (/credentials not found/i.test(text)) return undefined;
  if (code !== 0) throw new HoldfastError('START_RETRYABLE', `${program} ended with ${code}`);
  const { Username, Secret } = JSON.parse(text) as { Username?: string; Secret?: string };
  // A token instead of a password has this for a name.
  if (Username === '<token>') return present({ identitytoken: Secret, serveraddress: registry });
  return present({ username: Username, password: Secret, serveraddress: registry });
}

function present(all: Readonly<Record<string, string | undefined>>): Credentials {
  const given = Object.entries(all).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return Object.fromEntries(given);
}
