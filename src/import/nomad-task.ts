/** A task of a Nomad job. */
import { FieldReading } from './field-reading.ts';
import { isFields, plainName, withoutUnset, type Fields } from './imported.ts';
import { nomadArtifact } from './nomad-artifact.ts';
import { nomadRestart } from './nomad-restart.ts';

const ACCESS = 'secrets are had by secrets[]';
const PLACEMENT = 'where a task runs is not decided here';

const TASK_REASONS: Readonly<Record<string, string>> = {
  Actions: 'use "holdfast exec"',
  Affinities: PLACEMENT,
  Constraints: PLACEMENT,
  Consul: ACCESS,
  Identities: ACCESS,
  Identity: ACCESS,
  Secrets: ACCESS,
  Vault: ACCESS,
  CSIPluginConfig: 'there are no CSI volumes here',
  DispatchPayload: 'nothing is dispatched here',
  Schedule: 'use a timer or a scheduler',
  Services: 'they are recorded, and registered nowhere else: write services[] anew',
  Templates: 'they are written in the language of Go: write templates[] anew',
  VolumeMounts: 'they need the volumes of the group: write volumeMounts[] anew',
};

/** Of the drivers that start a program as it is. Nomad's key → ours. */
const PROCESS_KEYS: Readonly<Record<string, string>> = {
  command: 'command',
  args: 'args',
  work_dir: 'workDir',
  cap_add: 'capAdd',
  cap_drop: 'capDrop',
  pid_mode: 'pidMode',
  ipc_mode: 'ipcMode',
};
const OF_RAW_EXEC = ['command', 'args', 'work_dir'];

export function nomadTask(fields: unknown, group: string, notes: string[]): Fields {
  const name = isFields(fields) && typeof fields['Name'] === 'string' ? fields['Name'] : 'task';
  const path = `${group}.${name}`;
  const task = new FieldReading(fields, path, notes);
  task.any('Name');
  const driver = task.text('Driver') ?? 'exec';
  const isProcess = driver === 'exec' || driver === 'raw_exec';
  const config = task.object('Config');
  const made = withoutUnset({
    name: plainName(name),
    driver,
    config: isProcess ? processConfig(config, driver, path, notes) : foreign(config, driver, task),
    user: task.text('User'),
    env: task.texts('Env'),
    meta: task.texts('Meta'),
    leader: task.isOn('Leader') || undefined,
    lifecycle: lifecycleOf(task, path, notes),
    restart: nomadRestart(task, 'RestartPolicy', notes, path),
    resources: resourcesOf(task, path, notes),
    logs: logsOf(task, path, notes),
    // What Nomad sends when nothing is said.
    killSignal: signalOf(task.text('KillSignal')) ?? (driver === 'docker' ? undefined : 'SIGINT'),
    killTimeout: task.duration('KillTimeout'),
    shutdownDelay: task.duration('ShutdownDelay'),
    artifacts: task
      .list('Artifacts')
      .map((one, index) => nomadArtifact(one, `${path}.Artifacts[${index}]`, notes)),
  });
  task.end(TASK_REASONS);
  return made;
}

function signalOf(written: string | undefined): string | undefined {
  if (written === undefined) return undefined;
  const upper = written.toUpperCase();
  return upper.startsWith('SIG') ? upper : `SIG${upper}`;
}

function processConfig(
  config: Fields | undefined,
  driver: string,
  path: string,
  notes: string[],
): Fields {
  const reading = new FieldReading(config ?? {}, `${path}.Config`, notes);
  const known = driver === 'exec' ? Object.keys(PROCESS_KEYS) : OF_RAW_EXEC;
  const made = known.map((key) => [PROCESS_KEYS[key] ?? key, reading.any(key)] as const);
  reading.end();
  return withoutUnset(Object.fromEntries(made));
}

/** The config of a driver that we do not know is its own matter. */
function foreign(config: Fields | undefined, driver: string, task: FieldReading): Fields {
  task.note(
    'Driver',
    `is ${driver}: its config is taken over as it is, and must fit the driver here`,
  );
  return config ?? {};
}

function lifecycleOf(task: FieldReading, path: string, notes: string[]): Fields | undefined {
  const fields = task.object('Lifecycle');
  if (fields === undefined) return undefined;
  const lifecycle = new FieldReading(fields, `${path}.Lifecycle`, notes);
  const sidecar = lifecycle.isOn('Sidecar') || undefined;
  const made = withoutUnset({ hook: lifecycle.text('Hook'), sidecar });
  lifecycle.end();
  return made;
}

const MHZ = 'MHz are not cores: say resources.cpu';

function resourcesOf(task: FieldReading, path: string, notes: string[]): Fields | undefined {
  const fields = task.object('Resources');
  if (fields === undefined) return undefined;
  const wish = new FieldReading(fields, `${path}.Resources`, notes);
  const cores = wish.number('Cores');
  if (cores !== undefined) wish.note('Cores', 'are a share of the processors here, and not pinned');
  const memoryMb = wish.number('MemoryMB');
  const made = withoutUnset({ cpu: cores, memoryMb, memoryMaxMb: wish.number('MemoryMaxMB') });
  wish.end({
    CPU: MHZ,
    DiskMB: 'the disk of a task is not limited',
    Devices: 'say them in the config of the driver',
    Networks: 'the network is one of the group: say network.ports there',
    NUMA: PLACEMENT,
    SecretsMB: 'the agent decides',
  });
  return made;
}

function logsOf(task: FieldReading, path: string, notes: string[]): Fields | undefined {
  const fields = task.object('LogConfig');
  if (fields === undefined) return undefined;
  const logs = new FieldReading(fields, `${path}.LogConfig`, notes);
  const made = withoutUnset({
    maxFiles: logs.number('MaxFiles'),
    maxFileSizeMb: logs.number('MaxFileSizeMB'),
    disabled: logs.isOn('Disabled') || fields['Enabled'] === false || undefined,
  });
  logs.any('Enabled');
  logs.end();
  return made;
}
