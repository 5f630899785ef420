/** Which variables of the agent a task may have that asks for them. None by default. */
import { nameMatcher } from './name-globs.ts';

/** What a task asks for: everything, or these names. */
export type HostEnvWish = true | readonly string[];

/**
 * What no task gets, whatever it asks for. Nomad's list (`client/config`), and what is Holdfast's own: the mark of an
 * agent that is itself a task would make its tasks' processes somebody else's.
 */
const DENIED_HOST_ENV: readonly string[] = [
  'HOLDFAST_*',
  'CONSUL_TOKEN',
  'CONSUL_HTTP_TOKEN',
  'CONSUL_HTTP_TOKEN_FILE',
  'NOMAD_TOKEN',
  'VAULT_TOKEN',
  'CONSUL_LICENSE',
  'CONSUL_LICENSE_PATH',
  'NOMAD_LICENSE',
  'NOMAD_LICENSE_PATH',
  'VAULT_LICENSE',
  'VAULT_LICENSE_PATH',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_METADATA_URL',
  'GOOGLE_APPLICATION_CREDENTIALS',
  'GOOGLE_OAUTH_ACCESS_TOKEN',
];

/** `alsoDenied` are names of the operator; `*` stands for any characters. */
export function hostEnvDenial(alsoDenied: readonly string[] = []): (name: string) => boolean {
  return nameMatcher([...DENIED_HOST_ENV, ...alsoDenied]);
}

/** The agent's environment without what is denied. */
export function allowedHostEnv(
  env: Readonly<Record<string, string | undefined>>,
  isDenied: (name: string) => boolean,
): Readonly<Record<string, string>> {
  const told = Object.entries(env).flatMap(([name, value]) =>
    value === undefined || isDenied(name) ? [] : [[name, value] as const],
  );
  return Object.fromEntries(told);
}

/** Of what is allowed, what a task asked for. A name that the agent does not have is left out, as docker does. */
export function askedHostEnv(
  allowed: Readonly<Record<string, string>>,
  wish: HostEnvWish | undefined,
): Readonly<Record<string, string>> {
  if (wish === undefined) return {};
  if (wish === true) return allowed;
  const asked = wish.filter((name) => Object.hasOwn(allowed, name));
  return Object.fromEntries(asked.map((name) => [name, allowed[name] as string]));
}
