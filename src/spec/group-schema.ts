/**
 * Spec v1: what a user asks for. The one source of the types, of the validation and of the published JSON Schema.
 * Defaults are Nomad's per type; keys that later parts bring are unknown until they work. This file loads zod, so
 * nothing but `validate-spec.ts` imports more than its types.
 */
import { z } from 'zod';
import { durationMs } from './duration.ts';
import { hostEnv, interpolation } from './interpolation-schema.ts';
import { SIGNAL_NAMES } from './signal-names.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const NAME_RULE =
  'must be 1 to 64 letters, digits, "_", "." or "-", and begin with a letter or a digit';
const ENV_NAME = /^[^=\0]+$/;
const DURATION_RULE = 'must be a duration with a unit, such as "30s" or "3m"';

const name = z.string().regex(NAME, NAME_RULE);
const duration = z
  .string({ error: DURATION_RULE })
  .regex(/^(\d+(\.\d+)?(ms|s|m|h|d))+$/, { error: DURATION_RULE, abort: true })
  .refine((written) => Number.isSafeInteger(durationMs(written)), 'is longer than can be counted')
  .describe('A duration with a unit: "500ms", "15s", "3m", "1h30m", "1d".');
const text = z.string().refine((value) => !value.includes('\0'), 'must not contain NUL');
const freeText = z.record(z.string(), text);

const restart = z.strictObject({
  attempts: z.int().min(0).optional().describe('Restarts allowed within the interval.'),
  interval: duration.optional(),
  delay: duration.optional().describe('Pause before a restart; up to 25 % is added by chance.'),
  mode: z
    .enum(['fail', 'delay'])
    .optional()
    .describe('When the attempts are used up: give up, or wait for the next interval.'),
  onLost: z
    .enum(['restart', 'fail'])
    .optional()
    .describe('What to do about a run whose end nobody saw. Services restart, batch tasks fail.'),
});

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

const lifecycle = z.strictObject({
  hook: z.enum(['prestart']).describe('prestart: runs to its end before the main tasks start.'),
});

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
  restart: restart.optional().describe("Overrides the group's restart policy field by field."),
  logs: logs.prefault({}),
  killSignal: z
    .enum(SIGNAL_NAMES, { error: 'must be the name of a signal, such as SIGTERM' })
    .default('SIGTERM'),
  killTimeout: duration.default('5s').describe('Between the kill signal and force, e.g. "5s".'),
  meta: freeText.default({}),
  user: text
    .refine(
      (value) => /^[^:\s/]+(:[^:\s/]+)?$/.test(value),
      'must be a user, such as "web", "1000" or "web:www-data"',
    )
    .optional()
    .describe("Whom the program runs as. Left out: the driver's default."),
  resources: resources.optional().describe('Limits. What is left out is not limited.'),
  volumeMounts: z.array(volumeMount).optional(),
  mounts: z.array(mount).optional(),
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
    volumes: z
      .record(z.string().regex(NAME, NAME_RULE), volume)
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
