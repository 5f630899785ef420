/**
 * The environment of a program: built once, the same for every driver. Later entries win: a PATH, the directories, the
 * identity, the task's own `env`, then what hooks gave, in the order of the plan. Nothing of the agent's is in it.
 */

export interface TaskPlaces {
  readonly alloc: string;
  readonly local: string;
  readonly secrets: string;
  readonly tmp: string;
}

/** Where a program finds its directories whose root is the task's own, as with Nomad. */
export const INSIDE: TaskPlaces = {
  alloc: '/alloc',
  local: '/local',
  secrets: '/secrets',
  tmp: '/tmp',
};

export interface TaskEnvInput {
  /** Absolute paths as the program sees them: of the machine, or below a root of its own (`INSIDE`). */
  readonly places: TaskPlaces;
  readonly allocId: string;
  readonly allocName: string;
  readonly task: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly hooks: readonly Readonly<Record<string, string>>[];
}

/** What systemd gives a service that names none. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function taskEnv(input: TaskEnvInput): Readonly<Record<string, string>> {
  const { places } = input;
  const facts: Record<string, string> = {
    ALLOC_DIR: places.alloc,
    TASK_DIR: places.local,
    SECRETS_DIR: places.secrets,
    ALLOC_ID: input.allocId,
    SHORT_ALLOC_ID: input.allocId.slice(0, 8),
    ALLOC_NAME: input.allocName,
    GROUP_NAME: input.allocName,
    TASK_NAME: input.task,
  };
  for (const [key, value] of Object.entries(input.meta)) facts[`META_${cleaned(key)}`] = value;
  const own: Record<string, string> = { PATH: DEFAULT_PATH, TMPDIR: places.tmp };
  for (const [key, value] of Object.entries(facts)) {
    // The same facts under Nomad's names, so that its tasks run unchanged.
    own[`NOMAD_${key}`] = value;
    own[`HOLDFAST_${key}`] = value;
  }
  return Object.assign(own, input.env, ...input.hooks);
}

/** Nomad's rule for keys made of free text: what no shell could read becomes `_`. */
function cleaned(key: string): string {
  return key.replaceAll(/[^A-Za-z0-9_.]/g, '_').replace(/^[0-9]/, '_');
}
