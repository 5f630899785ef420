/**
 * Spec v1: what a user asks for. The one source of the types, of the validation and of the published JSON Schema.
 * Defaults are Nomad's per type; keys that later parts bring are unknown until they work.
 */
import { z } from 'zod';
import { durationMs } from './duration.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const ENV_NAME = /^[^=\0]+$/;

const name = z.string().regex(NAME, 'must match ^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$');
const duration = z
  .string({ error: 'must be a duration with a unit, such as "30s" or "3m"' })
  .regex(/^(\d+(\.\d+)?(ms|s|m|h|d))+$/, 'must be a duration with a unit, such as "30s" or "3m"')
  .refine((text) => Number.isSafeInteger(Math.round(durationMs(text))), 'is too long')
  .describe('A duration with a unit: "500ms", "15s", "3m", "1h30m", "1d".');
const text = z.string().refine((value) => !value.includes('\0'), 'must not contain NUL');
const labels = z.record(z.string(), text);

const restart = z.strictObject({
  attempts: z.int().min(0).optional().describe('Restarts allowed within the interval.'),
  interval: duration.optional(),
  delay: duration.optional().describe('Pause before a restart; up to 25 % is added by chance.'),
  mode: z.enum(['fail', 'delay']).optional(),
});

const logs = z.strictObject({
  maxFiles: z.int().min(1).max(1000).default(10),
  maxFileSizeMb: z.int().min(1).max(1024).default(10).describe('MiB of one log file.'),
});

const lifecycle = z.strictObject({
  hook: z.enum(['prestart']).describe('prestart: runs to its end before the main tasks start.'),
});

export const taskSchema = z.strictObject({
  name: name.refine((value) => value !== 'alloc', 'must not be "alloc": that is the shared directory'),
  driver: z.string().min(1),
  config: z.record(z.string(), z.unknown()).default({}).describe("The driver's own settings."),
  env: z
    .record(z.string().regex(ENV_NAME, 'an environment name holds no "=" and no NUL'), text)
    .default({}),
  lifecycle: lifecycle.optional(),
  restart: restart.optional(),
  logs: logs.prefault({}),
  killSignal: z
    .string()
    .regex(/^SIG[A-Z0-9]+$/, 'must be a signal name such as SIGTERM')
    .default('SIGTERM'),
  killTimeout: duration.default('5s'),
  meta: labels.default({}),
});

export const groupSchema = z.strictObject({
  version: z.literal(1).default(1),
  name,
  type: z.enum(['service', 'batch', 'system']).default('service'),
  meta: labels.default({}),
  labels: labels.default({}),
  restart: restart.optional(),
  tasks: z.array(taskSchema).min(1),
});

/** What a user may write: durations as strings, defaults left out. */
export type GroupSpecInput = z.input<typeof groupSchema>;
/** A group after validation, before defaults that depend on its type. */
export type CheckedGroup = z.output<typeof groupSchema>;
export type CheckedTask = z.output<typeof taskSchema>;
