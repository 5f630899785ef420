/**
 * Spec v1: what a user asks for. The one source of the types, of the validation and of the published JSON Schema.
 * Defaults are Nomad's per type; keys that later parts bring are unknown until they work. This file loads zod, so
 * nothing but `validate-spec.ts` imports more than its types.
 */
import { z } from 'zod';
import { artifact } from './artifact-schema.ts';
import { dispatchPayload } from './dispatch-schema.ts';
import { hostEnv, interpolation } from './interpolation-schema.ts';
import { lifecycle } from './lifecycle-schema.ts';
import { network } from './network-schema.ts';
import { restart } from './restart-schema.ts';
import { duration, freeText, name, text } from './schema-parts.ts';
import { secrets } from './secret-schema.ts';
import { templates } from './template-schema.ts';
import { checks, groupServices, services } from './service-schema.ts';
import { SIGNAL_NAMES } from './signal-names.ts';

const ENV_NAME = /^[^=\0]+$/;

const logs = z.strictObject({
  maxFiles: z.int().min(1).max(1000).default(10),
  maxFileSizeMb: z.int().min(1).max(1024).default(10).describe('MiB of one log file.'),
  compress: z.boolean().optional().describe('Full files are compressed (gzip). Default false.'),
  whenFull: z
    .enum(['block', 'drop'])
    .optional()
    .describe(
      'While output cannot be written: the task waits (block, the default), or output is thrown away and recorded as a gap.',
    ),
  disabled: z
    .boolean()
    .optional()
    .describe('Nothing is collected: output goes to /dev/null. Default false.'),
});

const path = text.refine(
  (value) => value.startsWith('/') && !value.split('/').includes('..'),
  'must be an absolute path without ".."',
);
/** Where on the machine; what a reference at its beginning stands for is looked at again when it is known. */
const sourcePath = text.refine(
  (value) => /^(?:\/|\$\{)/.test(value) && !value.split('/').includes('..'),
  'must be an absolute path without ".."',
);
const propagation = z
  .enum(['private', 'host-to-task', 'bidirectional'])
  .default('private')
  .describe('Which mounts made later the other side sees.');
const mebibytes = z
  .int()
  .min(1)
  .max(1 << 30);

const resources = z.strictObject({
  cpu: z
    .number()
    .positive()
    .max(4096)
    .optional()
    .describe('Share of the processors, in cores, when they are contended.'),
  cpuMax: z.number().min(0.01).max(4096).optional().describe('Cores that may be used at most.'),
  cpuset: z
    .string()
    .regex(/^\d+(-\d+)?(,\d+(-\d+)?)*$/, 'must be a list of processors, such as "0-1,3"')
    .optional()
    .describe('Processors that may be used.'),
  memoryMb: mebibytes.min(4).optional().describe('MiB. A hard limit without memoryMaxMb.'),
  memoryMaxMb: mebibytes.min(4).optional().describe('MiB. The hard limit; memoryMb is then kept.'),
  pids: z.int().min(1).max(4_194_304).optional().describe('Processes and threads.'),
});

const volume = z.strictObject({
  type: z.literal('host').default('host'),
  source: sourcePath.describe('A directory or file of the machine.'),
  readOnly: z.boolean().default(false).describe('No task may write to it.'),
});

const volumeMount = z.strictObject({
  volume: z.string().min(1).describe("Name of one of the group's volumes."),
  destination: path.describe('Where the task sees it.'),
  readOnly: z.boolean().default(false),
  propagation,
});

const mount = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('bind'),
    source: sourcePath,
    destination: path,
    readOnly: z.boolean().default(false),
    propagation,
  }),
  z.strictObject({
    type: z.literal('tmpfs'),
    destination: path,
    readOnly: z.boolean().default(false),
    sizeMb: mebibytes.optional(),
    mode: z
      .string()
      .regex(/^[0-7]{3,4}$/, 'must be octal, such as "1777"')
      .optional(),
  }),
]);

const taskSchema = z.strictObject({
  name: name.refine(
    (value) => value !== 'alloc',
    'must not be "alloc", which names the shared directory',
  ),
  driver: z.string().min(1).describe('How the task becomes a process: "raw_exec", …'),
  config: z.record(z.string(), z.unknown()).default({}).describe("The driver's own settings."),
  env: z
    .record(z.string().regex(ENV_NAME, 'must be a name without "=" and NUL'), text)
    .default({})
    .describe('Environment of the program.'),
  lifecycle: lifecycle.optional(),
  leader: z.boolean().optional().describe('Its end ends the other tasks.'),
  restart: restart.optional().describe("Overrides the group's restart policy field by field."),
  logs: logs.prefault({}),
  killSignal: z
    .enum(SIGNAL_NAMES, { error: 'must be the name of a signal, such as SIGTERM' })
    .default('SIGTERM'),
  killTimeout: duration.default('5s').describe('Between the kill signal and force, e.g. "5s".'),
  shutdownDelay: duration.optional().describe('Between the wish to stop it and the kill signal.'),
  meta: freeText.default({}),
  user: text
    .refine(
      (value) => /^[^:\s/]+(:[^:\s/]+)?$/.test(value),
      'must be a user, such as "web", "1000" or "web:www-data"',
    )
    .optional()
    .describe("Whom the program runs as. Left out: the driver's default."),
  dynamicUser: z
    .boolean()
    .optional()
    .describe('It runs as a user whom nobody else on this machine is. Not with user.'),
  resources: resources.optional().describe('Limits. What is left out is not limited.'),
  volumeMounts: z.array(volumeMount).optional(),
  mounts: z.array(mount).optional(),
  artifacts: z.array(artifact).optional().describe('Fetched before the first start.'),
  secrets,
  templates,
  services,
  checks,
  dispatchPayload,
  hostEnv,
  interpolation,
});

export const groupSchema = z
  .strictObject({
    $schema: z
      .string()
      .optional()
      .describe('Where editors find this schema; nothing else uses it.'),
    version: z.literal(1).default(1),
    name,
    type: z
      .enum(['service', 'batch', 'system'])
      .default('service')
      .describe('A service is kept running; a batch group runs to its end.'),
    meta: freeText.default({}),
    labels: freeText.default({}),
    restart: restart.optional(),
    interpolation: interpolation.describe('For every task that says nothing else.'),
    shutdownDelay: duration
      .optional()
      .describe('Between the wish to stop the group and the end of its first task.'),
    maxRunDuration: duration
      .optional()
      .describe('So long after it was accepted the group is stopped; it counts as complete.'),
    network,
    services: groupServices,
    volumes: z
      .record(name, volume)
      .optional()
      .describe('What of the machine tasks may mount, by name.'),
    tasks: z.array(taskSchema).min(1),
  })
  .describe('A task group of Holdfast: tasks that live and die together on one machine.');

/** What a user may write: durations as strings, defaults left out. */
export type GroupSpecInput = z.input<typeof groupSchema>;
/** A group after validation, before defaults that depend on its type. */
export type CheckedGroup = z.output<typeof groupSchema>;
export type CheckedTask = z.output<typeof taskSchema>;
export type CheckedRestart = z.output<typeof restart>;
