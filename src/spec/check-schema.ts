/** `checks[]` of a task and of a service. Loads zod, like every schema file. */
import { z } from 'zod';
import { durationMs } from './duration.ts';
import { duration, text } from './schema-parts.ts';

const SHORTEST_MS = 100;
const LONGEST_MS = 86_400_000;
/** Whoever could set these could say where the request ends, or how the agent is to be talked to. */
const OURS = ['connection', 'content-length', 'expect', 'te', 'trailer', 'transfer-encoding'];

const span = duration.refine((written) => {
  const ms = durationMs(written);
  return ms >= SHORTEST_MS && ms <= LONGEST_MS;
}, 'must be from 100ms to 1d');
const count = z.int().min(1).max(1_000).optional();

/** A key of Nomad that would change nothing here: said, instead of being passed over. */
export const refused = (why: string) => z.never({ error: why }).optional();

export const port = z
  .union(
    [
      z.int().min(1).max(65_535),
      z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'must be a label, or a number'),
    ],
    { error: 'must be a label of one of the ports of the group, or a number from 1 to 65535' },
  )
  .describe('A label of one of the ports of the group, or a number.');

export const checkRestart = z
  .strictObject({
    limit: z.int().min(1).max(1_000).describe('So many bad results one after the other.'),
    grace: duration.default('1s').describe('After each start, before results are counted.'),
    ignoreWarnings: z.boolean().optional().describe('A warning is as good as passing.'),
  })
  .describe('When the program is ended and started again, as the restart policy says.');

const shared = {
  name: text.min(1).max(128).optional().describe('Left out: what it is a check of.'),
  interval: span.default('10s').describe('From the beginning of one to that of the next.'),
  timeout: span.default('2s').describe('What takes longer is critical.'),
  startPeriod: duration.optional().describe('After each start, in which it may fail.'),
  initialStatus: z
    .enum(['passing', 'warning', 'critical'])
    .optional()
    .describe('Before the first result. Left out: none.'),
  successBeforePassing: count.describe('So many good results one after the other. Default 1.'),
  failuresBeforeCritical: count.describe('So many bad results one after the other. Default 1.'),
  checkRestart: checkRestart.optional(),
  onUpdate: refused('is about deployments, and there are none here: leave it out'),
};

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'cannot name a header')
  .refine((name) => !OURS.includes(name.toLowerCase()), 'is a header that the agent sets');
const headerValue = text.refine((value) => !/[\r\n]/.test(value), 'must be one line');

export const check = z.discriminatedUnion('type', [
  z.strictObject({
    ...shared,
    type: z.literal('script'),
    command: text.min(1).describe('Run beside the program, as it is and in its place.'),
    args: z.array(text).optional(),
  }),
  z.strictObject({
    ...shared,
    type: z.literal('http'),
    port: port.optional().describe("Left out: the service's."),
    protocol: z.enum(['http', 'https']).default('http'),
    method: z
      .enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
      .default('GET')
      .describe('How it is asked for.'),
    path: text.refine((path) => path.startsWith('/'), 'must begin with "/"').default('/'),
    headers: z.record(headerName, headerValue).optional(),
    body: text.max(65_536).optional().describe('Sent with the request.'),
    expect: z
      .strictObject({
        status: z.array(z.int().min(100).max(599)).min(1).optional(),
        body: text.min(1).max(1024).optional().describe('Stands somewhere in the first 64 KiB.'),
      })
      .optional()
      .describe('What is passing; anything else is critical. Left out: 2xx, and 429 is a warning.'),
    tlsSkipVerify: z.boolean().optional().describe('Any certificate will do.'),
    tlsServerName: text.min(1).optional().describe('What the certificate is for.'),
    grpcService: refused('belongs to gRPC, of which there are no checks: use type "script"'),
  }),
  z.strictObject({
    ...shared,
    type: z.literal('tcp'),
    port: port.optional().describe("Left out: the service's."),
  }),
]);

export type CheckedCheck = z.output<typeof check>;
