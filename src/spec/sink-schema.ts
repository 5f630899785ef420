/** Sinks: where an operator wants events sent. The source of the types and of the checks. Loads zod. */
import { z } from 'zod';
import { durationMs } from './duration.ts';
import { duration, text } from './schema-parts.ts';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

const name = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    'must be 1 to 63 small letters, digits or "-", and begin with a letter or a digit',
  )
  .describe('What its place in the log is kept under: another name begins anew.');
const path = text.refine((value) => value.startsWith('/'), 'must be an absolute path');
const timeout = duration
  .refine((value) => durationMs(value) >= 100 && durationMs(value) <= 600_000, {
    error: 'must be from 100ms to 10m',
  })
  .default('15s');

const common = {
  name,
  start: z
    .enum(['now', 'oldest'])
    .default('now')
    .describe('With which event a sink begins that was not there before.'),
  types: z.array(z.string().min(1)).min(1).optional().describe('Only these, such as TaskExited.'),
  allocs: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Only events of allocs of these names; * is any characters.'),
  batchEvents: z.int().min(1).max(1000).default(100).describe('Sent together at most.'),
};

/** A password in an address ends up in logs. */
function addressProblem(value: string, schemes: readonly string[]): string | undefined {
  if (!URL.canParse(value)) return 'is no URL';
  const { protocol, username, password } = new URL(value);
  if (!schemes.includes(protocol)) return `must begin with ${schemes.join(' or ')}//`;
  return username === '' && password === '' ? undefined : 'must not hold a password: use a file';
}

const url = text
  .check((payload) => {
    const problem = addressProblem(payload.value, ['https:', 'http:']);
    if (problem !== undefined) {
      payload.issues.push({ code: 'custom', message: problem, input: payload.value });
    }
  })
  .describe('https, or http to this machine.');

const webhook = z
  .strictObject({
    type: z.literal('webhook'),
    ...common,
    url,
    form: z.enum(['cloudevents', 'native']).default('cloudevents'),
    secretFile: path
      .optional()
      .describe(
        'Of Standard Webhooks: whsec_BASE64, a line each; all sign, so that one may leave.',
      ),
    tokenFile: path.optional().describe('Sent as Authorization: Bearer.'),
    headers: z.record(z.string().regex(/^[A-Za-z0-9-]+$/), text).optional(),
    timeout: timeout.describe('For one request and its whole answer.'),
    caFile: path.optional().describe('PEM: authorities instead of those of the machine.'),
    certFile: path.optional().describe('PEM: the own certificate, with keyFile.'),
    keyFile: path.optional(),
    allowPlainHttp: z.boolean().default(false).describe('Also to other machines.'),
  })
  .check((payload) => {
    const { url: where, allowPlainHttp, certFile, keyFile } = payload.value;
    const wrong = (at: string, message: string): void =>
      void payload.issues.push({ code: 'custom', message, input: payload.value, path: [at] });
    if ((certFile === undefined) !== (keyFile === undefined)) {
      wrong(certFile === undefined ? 'keyFile' : 'certFile', 'needs the other of the two');
    }
    if (allowPlainHttp || !URL.canParse(where)) return;
    const { protocol, hostname } = new URL(where);
    if (protocol === 'http:' && !LOOPBACK.test(hostname)) {
      wrong('url', 'is not encrypted: use https, or allowPlainHttp');
    }
  });

const file = z.strictObject({
  type: z.literal('file'),
  ...common,
  path: path.describe('One JSON object a line. Full ones are PATH.1, PATH.2 …'),
  form: z.enum(['cloudevents', 'native']).default('native'),
  maxFileSizeMb: z.int().min(1).max(10_240).default(64),
  maxFiles: z.int().min(2).max(1000).default(5).describe('The one that is written is counted.'),
});

const server = text.check((payload) => {
  const problem = addressProblem(payload.value, ['nats:', 'tls:']);
  if (problem !== undefined) {
    payload.issues.push({ code: 'custom', message: problem, input: payload.value });
  }
});

const nats = z.strictObject({
  type: z.literal('nats'),
  ...common,
  servers: z.array(server).min(1).describe('Such as nats://127.0.0.1:4222.'),
  subject: z
    .string()
    .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, 'must be words with dots between them')
    .default('holdfast.events')
    .describe('SUBJECT.INSTANCE.ALLOC.TASK.TYPE is what an event is published as.'),
  stream: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be letters, digits, "_" or "-"')
    .default('HOLDFAST')
    .describe('It must take SUBJECT.>'),
  createStream: z.boolean().default(false).describe('Make it when it is not there.'),
  form: z.enum(['cloudevents', 'native']).default('native'),
  credsFile: path.optional().describe('User JWT and seed, as nsc writes them.'),
  tokenFile: path.optional(),
  timeout,
  caFile: path.optional(),
  certFile: path.optional(),
  keyFile: path.optional(),
});

export const sink = z.discriminatedUnion('type', [webhook, file, nats]);

export const sinks = z.array(sink).max(32);

/** As an operator writes it. */
export type SinkInput = z.input<typeof sink>;
/** With every default; durations are as they were written. */
export type SinkConfig = z.output<typeof sink>;
export type WebhookConfig = z.output<typeof webhook>;
export type FileSinkConfig = z.output<typeof file>;
export type NatsConfig = z.output<typeof nats>;
