/**
 * Fetches the secrets of a task before each start, and hands them over: as variables, as files of the task's user
 * alone, and by name to the hooks that follow. Some are fetched again while the program runs. Values are in the agent's
 * memory; files go with the task.
 */
import { HoldfastError, messageOf } from '../errors.ts';
import type { SecretSpec } from '../spec/secret-spec.ts';
import { ChangeActs } from './changes/change-acts.ts';
import {
  defineHook,
  type GivenSecret,
  type Hook,
  type HookDoors,
  type HookRequest,
} from './hook.ts';
import { placeFile, removePlaced } from './place-file.ts';
import { fetchSecret } from './secrets/fetch-secret.ts';
import {
  givenSecret,
  isRefreshed,
  Refresh,
  type RefreshDoors,
  type RefreshedSecret,
} from './secrets/refresh.ts';
import { SECRET_RULES, type SecretRules } from './secrets/rules.ts';

const OWNER_READS = 0o400;
/** The sum of what programs may take, at most: each has a limit of its own. */
const HOUR_MS = 3_600_000;

type Fetch = (one: SecretSpec, signal: AbortSignal) => Promise<GivenSecret>;

/** `acts` is shared with other hooks that tell programs of changes. */
export function secretsHook(
  allowed: Partial<SecretRules> = {},
  acts = new ChangeActs(),
  env: Readonly<Record<string, string | undefined>> = process.env,
): Hook {
  const rules = { ...SECRET_RULES, ...allowed };
  const fetch: Fetch = (one, signal) => fetchOne(one, { rules, env, signal });
  return defineHook({
    name: 'secrets',
    when: ({ secrets = [] }) => secrets.length > 0,
    timeLimitMs: HOUR_MS,
    async prestart(request, doors) {
      const wanted = request.task.secrets ?? [];
      const secrets = await Promise.all(wanted.map((one) => fetch(one, doors.signal)));
      for (const [index, one] of wanted.entries()) {
        await place(request, doors, one, secrets[index]?.value ?? '');
      }
      // crash point: agent.secrets.placed
      const hashes = secrets.map(({ name, value }) => [name, doors.hashOf(name, value)]);
      return { secrets, state: Object.fromEntries(hashes) as Record<string, string> };
    },
    async start(request, doors) {
      const refresh = new Refresh(request, doors, refreshDoors(request, doors, fetch, acts));
      const wanted = request.task.secrets ?? [];
      const isOurs = wanted.every(({ name }) => doors.secret(name) !== undefined);
      try {
        if (isOurs) return;
        return { secrets: await fetchedAgain(request, doors, fetch, refresh) };
      } finally {
        // It goes on beside the program, and ends with it; also where one could not be had just now.
        refresh.goOn().catch((error: unknown) => {
          if (!doors.signal.aborted) doors.logger.error({ error }, 'secrets are fetched no more');
        });
      }
    },
    async cleanup(request) {
      for (const { file } of request.task.secrets ?? []) {
        if (file !== undefined) await removePlaced(placeOf(request, file));
      }
    },
  });
}

/**
 * An earlier agent started the program. Whoever reads secrets by name finds those that the program has; one that is
 * another by now is nobody's, unless it is one of those that are followed.
 */
async function fetchedAgain(
  request: HookRequest,
  doors: HookDoors,
  fetch: Fetch,
  refresh: Refresh,
): Promise<readonly GivenSecret[]> {
  const { secrets: wanted = [] } = request.task;
  const found = await Promise.all(wanted.map((one) => fetch(one, doors.signal)));
  const values = wanted.map((one, index) => [one, found[index]?.value ?? ''] as const);
  const followed = values.filter((one): one is [RefreshedSecret, string] => isRefreshed(one[0]));
  const isAsBefore = ([{ name }, value]: (typeof values)[number]): boolean =>
    [undefined, doors.hashOf(name, value)].includes(request.previous[name]);
  const others = values.filter((one) => !isRefreshed(one[0]) && !isAsBefore(one));
  for (const [{ name }] of others) {
    doors.message(`secret "${name}" is another one by now: the program keeps the one it has`);
  }
  await doors.renew(followed.map(([one, value]) => givenSecret(one, value)));
  await refresh.take(new Map(followed));
  return values.filter(isAsBefore).map(([one, value]) => givenSecret(one, value));
}

function refreshDoors(
  request: HookRequest,
  doors: HookDoors,
  fetch: Fetch,
  acts: ChangeActs,
): RefreshDoors {
  return {
    fetch: (one) => fetch(one, doors.signal),
    place: (one, value) => place(request, doors, one, value),
    acts,
  };
}

async function place(
  request: HookRequest,
  { drivers }: HookDoors,
  { file }: SecretSpec,
  content: string,
): Promise<void> {
  if (file === undefined) return;
  const owner = await drivers.ownerOf(request.task);
  await placeFile({ ...placeOf(request, file), content, mode: OWNER_READS, owner });
}

function placeOf({ dirs }: HookRequest, file: string): { root: string; steps: readonly string[] } {
  return { root: dirs.task, steps: ['secrets', ...file.split('/')] };
}

/** The error says which one it is, and nothing of it. */
async function fetchOne(
  { name, env, ...source }: SecretSpec,
  doors: Parameters<typeof fetchSecret>[1],
): Promise<GivenSecret> {
  try {
    const value = await fetchSecret(source, doors);
    return { name, value, ...(env !== undefined && { env }) };
  } catch (error) {
    doors.signal.throwIfAborted();
    const { code, retryable } = HoldfastError.from(error);
    throw new HoldfastError(code, `secret "${name}": ${messageOf(error)}`, { retryable });
  }
}
