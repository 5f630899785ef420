/**
 * Fetches the secrets of a task before each start, and hands them over: as variables, as files of the task's user
 * alone, and by name to the hooks that follow. Values are in the agent's memory; files go with the task.
 */
import { HoldfastError, messageOf } from '../errors.ts';
import type { SecretSpec } from '../spec/secret-spec.ts';
import { defineHook, type GivenSecret, type Hook, type HookRequest } from './hook.ts';
import { placeFile, removePlaced } from './place-file.ts';
import { fetchSecret } from './secrets/fetch-secret.ts';
import { SECRET_RULES, type SecretRules } from './secrets/rules.ts';

const OWNER_READS = 0o400;
/** The sum of what programs may take, at most: each has a limit of its own. */
const HOUR_MS = 3_600_000;

export function secretsHook(
  allowed: Partial<SecretRules> = {},
  env: Readonly<Record<string, string | undefined>> = process.env,
): Hook {
  const rules = { ...SECRET_RULES, ...allowed };
  const fetchAll = (wanted: readonly SecretSpec[], signal: AbortSignal): Promise<GivenSecret[]> =>
    Promise.all(wanted.map((one) => fetchOne(one, { rules, env, signal })));
  return defineHook({
    name: 'secrets',
    when: ({ secrets = [] }) => secrets.length > 0,
    timeLimitMs: HOUR_MS,
    async prestart(request, { signal, drivers }) {
      const wanted = request.task.secrets ?? [];
      const secrets = await fetchAll(wanted, signal);
      const owner = await drivers.ownerOf(request.task);
      for (const [index, { file }] of wanted.entries()) {
        if (file === undefined) continue;
        const content = secrets[index]?.value ?? '';
        await placeFile({ ...placeOf(request, file), content, mode: OWNER_READS, owner });
      }
      // crash point: agent.secrets.placed
      return { secrets };
    },
    // Whoever reads them by name while the program runs finds them after a change of agents too.
    async start({ task }, { signal, secret }) {
      const wanted = task.secrets ?? [];
      if (wanted.every(({ name }) => secret(name) !== undefined)) return;
      return { secrets: await fetchAll(wanted, signal) };
    },
    async cleanup(request) {
      for (const { file } of request.task.secrets ?? []) {
        if (file !== undefined) await removePlaced(placeOf(request, file));
      }
    },
  });
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
