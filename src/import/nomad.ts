/**
 * Nomad's job in JSON, as `nomad job run -output` and its API write it. Durations are nanoseconds. A group of the job
 * is a group here; placement, updates and services of a cluster have no meaning on one machine, and each is named.
 */
import { FieldReading } from './field-reading.ts';
import {
  ImportFault,
  isFields,
  plainName,
  withoutUnset,
  type Fields,
  type Imported,
} from './imported.ts';
import { nomadNetwork } from './nomad-network.ts';
import { nomadRestart } from './nomad-restart.ts';
import { nomadTask } from './nomad-task.ts';

const PLACEMENT = 'where a group runs is not decided here';
const SERVER = "it is the servers' own bookkeeping";
const CLUSTER = 'it is about a cluster';
const ALTERNATIVE = 'use a timer or a scheduler';

const JOB_REASONS: Readonly<Record<string, string>> = {
  Affinities: PLACEMENT,
  AllAtOnce: PLACEMENT,
  Constraints: PLACEMENT,
  Datacenters: PLACEMENT,
  NodePool: PLACEMENT,
  Priority: PLACEMENT,
  Region: PLACEMENT,
  Spreads: PLACEMENT,
  Multiregion: CLUSTER,
  Namespace: CLUSTER,
  Update: CLUSTER,
  Migrate: CLUSTER,
  Reschedule: CLUSTER,
  Periodic: ALTERNATIVE,
  ParameterizedJob: ALTERNATIVE,
  CreateIndex: SERVER,
  JobModifyIndex: SERVER,
  ModifyIndex: SERVER,
  Stable: SERVER,
  Status: SERVER,
  StatusDescription: SERVER,
  Stop: SERVER,
  SubmitTime: SERVER,
  Version: SERVER,
  VersionTag: SERVER,
  UI: SERVER,
};

const GROUP_REASONS: Readonly<Record<string, string>> = {
  Affinities: PLACEMENT,
  Constraints: PLACEMENT,
  Spreads: PLACEMENT,
  Disconnect: CLUSTER,
  MaxClientDisconnect: CLUSTER,
  Migrate: CLUSTER,
  PreventRescheduleOnLost: CLUSTER,
  ReschedulePolicy: CLUSTER,
  Scaling: CLUSTER,
  StopAfterClientDisconnect: CLUSTER,
  Update: CLUSTER,
  EphemeralDisk: 'the disk of a group is not limited, and goes with it',
  Services: 'they are recorded, and registered nowhere else: write services[] anew',
  Volumes: 'a volume of Nomad is a name of its clients; name a directory in volumes',
};

const TYPES: Readonly<Record<string, string>> = {
  service: 'service',
  batch: 'batch',
  system: 'system',
  sysbatch: 'batch',
};

/** `wanted` names a group of a job that has several. Throws ImportFault. */
export function importNomad(file: unknown, wanted?: string): Imported {
  const notes: string[] = [];
  const whole = isFields(file) && isFields(file['Job']) ? file['Job'] : file;
  const job = new FieldReading(whole, '', notes);
  const id = job.text('ID') ?? job.text('Name') ?? 'job';
  job.any('Name');
  const written = job.text('Type') ?? 'service';
  const type = TYPES[written];
  if (type === undefined) throw new ImportFault(`Type is not known: "${written}"`);
  if (written === 'sysbatch') job.note('Type', 'is batch here: there is one machine');
  const meta = job.texts('Meta');
  const groups = job.list('TaskGroups');
  const fields = chosen(groups, wanted);
  job.end(JOB_REASONS);
  const isOnly = groups.length === 1;
  const group = nomadGroup(fields, { id, isOnly, type, meta: meta ?? {}, notes });
  return { group, notes };
}

function chosen(groups: readonly unknown[], wanted: string | undefined): Fields {
  const all = groups.filter(isFields);
  const names = all.map(({ Name }) => String(Name)).join(', ');
  if (all.length === 0) throw new ImportFault('is no job of Nomad: it has no TaskGroups');
  const [first] = all;
  if (wanted === undefined && all.length === 1 && first !== undefined) return first;
  const found = all.find(({ Name }) => Name === wanted);
  if (found !== undefined) return found;
  const text = wanted === undefined ? 'has several groups' : `has no group "${wanted}"`;
  throw new ImportFault(`${text}: choose one with --group (${names})`);
}

interface JobParts {
  readonly id: string;
  readonly isOnly: boolean;
  readonly type: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly notes: string[];
}

function nomadGroup(fields: Fields, { id, isOnly, type, meta, notes }: JobParts): Fields {
  const path = typeof fields['Name'] === 'string' ? fields['Name'] : 'group';
  const group = new FieldReading(fields, path, notes);
  const name = group.text('Name') ?? 'group';
  const count = group.number('Count') ?? 1;
  if (count > 1) group.note('Count', `is left out: run it ${count} times under other names`);
  const tasks = group.list('Tasks').map((task) => nomadTask(task, path, notes));
  const made = withoutUnset({
    name: plainName(isOnly || name === id ? id : `${id}-${name}`),
    type,
    meta: { ...meta, ...group.texts('Meta') },
    restart: nomadRestart(group, 'RestartPolicy', notes, path),
    shutdownDelay: group.duration('ShutdownDelay'),
    maxRunDuration: group.duration('MaxRunDuration'),
    network: nomadNetwork(group, notes, path),
    // Nomad keeps what it does not know as it is written.
    interpolation: { unknown: 'keep' },
    tasks,
  });
  group.end(GROUP_REASONS);
  return { ...made, tasks };
}
