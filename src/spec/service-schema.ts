/** `services[]` of a task and of the group. Loads zod, like every schema file. */
import { z } from 'zod';
import { check, checkRestart, port, refused } from './check-schema.ts';
import { freeText, name, text } from './schema-parts.ts';
import { isServiceName } from './service-spec.ts';

const REFERENCE = /\$\{[^}]*\}/g;
const NAME_RULE = 'must be 1 to 63 letters, digits or "-", and neither begin nor end with "-"';

const NOT_HERE = 'means nothing here: services are recorded in the log and registered nowhere else';

const service = z.strictObject({
  name: text
    .refine((written) => isServiceName(written.replaceAll(REFERENCE, 'x')), NAME_RULE)
    .describe('What others look for.'),
  port: port.optional(),
  address: text.min(1).max(253).optional().describe('Where others find it, instead of the port.'),
  addressMode: z
    .enum(['auto', 'host', 'driver', 'alloc'], {
      error: 'must be "auto", "host", "driver" or "alloc"',
    })
    .default('auto')
    .describe(
      "host: the machine's address. driver: that of the network that the driver made. alloc: " +
        "that of the group's own network. auto: driver where the driver advertises it, else host.",
    ),
  tags: z.array(text).optional(),
  meta: freeText.optional(),
  onReady: z
    .boolean()
    .optional()
    .describe('Recorded when all of its checks have passed. Default: when the program runs.'),
  provider: z
    .literal('none', { error: `must be "none" or left out: any other provider ${NOT_HERE}` })
    .optional(),
  checks: z.array(check).optional(),
  checkRestart: checkRestart.optional().describe('Of those of its checks that have none.'),
  onUpdate: refused('is about deployments, and there are none here: leave it out'),
  canaryTags: refused('is about deployments, and there are none here: leave it out'),
  connect: refused(NOT_HERE),
});

export const checks = z
  .array(check)
  .optional()
  .describe('Looks at the program while it runs; recorded is what changes.');
export const services = z
  .array(service)
  .optional()
  .describe('Recorded while the program runs, for others to find.');
export const groupServices = z
  .array(
    service.extend({
      task: name.optional().describe('Who gives it. Left out: the leader, or the only main task.'),
    }),
  )
  .optional()
  .describe('As those of a task, but taken back as soon as the group begins to end.');

export type CheckedService = z.output<typeof service>;
