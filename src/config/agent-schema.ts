/**
 * What an agent may be told by a file, each key beside the option of the command that says the same. Secrets have no
 * place here: files that hold them are named. The one source of the validation, the types and the published JSON
 * Schema. Loads zod.
 */
import { z } from 'zod';
import { duration, name, text } from '../spec/schema-parts.ts';
import { sinks } from '../spec/sink-schema.ts';
import { network, node } from './machine-schema.ts';

const path = text
  .refine((value) => value !== '', 'must not be empty')
  .describe('A path; one that is not absolute is seen from the directory of this file.');
const paths = z.array(path);
const names = z.array(text.refine((value) => value !== '', 'must not be empty'));
const size = z
  .string({ error: 'must be a size with a unit, such as "512MiB" or "2GiB"' })
  .regex(
    /^(?:0|\d{1,9}(?:\.\d{1,3})?(?:B|KiB|MiB|GiB|TiB))$/,
    'must be a size with a unit, such as "512MiB" or "2GiB"',
  )
  .describe('A size with a unit: "512MiB", "2GiB"; "0" is none.');
const percent = z.int().min(1).max(100);
const place = z
  .string()
  .regex(
    /^(?:\[[\da-fA-F:.]+\]|[^:[\]\s]+):\d{1,5}$/,
    'must be a host and a port, "127.0.0.1:4680"',
  )
  .refine((at) => Number(/\d+$/.exec(at)?.[0]) <= 65_535, 'must have a port up to 65535');

const http = z.strictObject({
  listen: place.describe(
    'Where HTTP is served. Other addresses than loopback ones need cert and key.',
  ),
  cert: path.optional(),
  key: path.optional(),
  hosts: names.optional().describe('By which names it may be called too.'),
  isolatedDrivers: names
    .optional()
    .describe('Drivers beside whose tasks the scope exec is enough. Default exec and docker.'),
});
const grpc = z.strictObject({
  listen: place.describe('Where other machines are served.'),
  ca: path.describe('The authority of their certificates.'),
  cert: path,
  key: path,
});

export const agentSchema = z
  .strictObject({
    $schema: z.string().optional().describe('Where editors find this schema.'),
    version: z.literal(1).default(1),
    dataDir: path
      .optional()
      .describe('The data directory, where neither flag nor variable says it.'),
    logLevel: z.enum(['debug', 'info', 'warn', 'error']).optional().describe('Default info.'),
    socketGroup: text
      .optional()
      .describe('A group of the machine whose members may use the socket, and so do everything.'),
    drivers: z
      .record(z.string(), z.record(z.string(), z.unknown()))
      .optional()
      .describe('By driver: enabled, and what else the driver takes.'),
    onlyDrivers: names.optional().describe('These and no others.'),
    driverPlugins: z
      .record(name, path)
      .optional()
      .describe('Drivers in processes of their own: name and entry file.'),
    cgroups: z.enum(['auto', 'off']).optional(),
    diskFloor: size.optional().describe('Nothing is started while less is free.'),
    logBudget: size
      .optional()
      .describe('What the output of all tasks may take up; "0" is no limit.'),
    keepFinished: z
      .int()
      .min(0)
      .max(999_999_999)
      .optional()
      .describe('Ended allocs that are kept.'),
    keepFinishedFor: duration.optional().describe('How long ended allocs are kept.'),
    maxDisk: percent.optional().describe('Percent: used beyond this, ended allocs go.'),
    maxInodes: percent.optional().describe('The same of the inodes.'),
    node,
    network,
    denyHostEnv: names.optional().describe('Variables of the agent that no task gets; * is any.'),
    artifacts: z
      .strictObject({
        roots: paths.optional().describe('Where file: artifacts may be that not all may read.'),
        limit: size.optional().describe('Of one artifact, unpacked.'),
        insecure: z.boolean().optional().describe('Groups may ask for certificates unchecked.'),
      })
      .optional(),
    secrets: z
      .strictObject({
        env: names.optional().describe('Variables of the agent that may be secrets; * is any.'),
        roots: paths.optional().describe('Where files may be that are secrets.'),
        commands: paths.optional().describe('Programs that may be asked for secrets.'),
      })
      .optional(),
    templates: z
      .strictObject({
        roots: paths.optional().describe('Where files may be that templates read.'),
        keys: path.optional().describe('A directory with a file for each key.'),
      })
      .optional(),
    sinks: sinks.optional().describe('Where events are sent.'),
    http: http.optional(),
    grpc: grpc.optional(),
  })
  .describe('The configuration of an agent of Holdfast.');

export type AgentConfig = z.output<typeof agentSchema>;
