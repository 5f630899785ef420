/** `network` of a group. Loads zod, like every schema file. */
import { z } from 'zod';
import { name } from './schema-parts.ts';

const LABEL = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
const portNumber = z.int().min(1).max(65_535);

const port = z.strictObject({
  static: portNumber.optional().describe('This port of the machine. Left out: a free one.'),
  hostNetwork: name
    .optional()
    .describe('An address of the machine, by the name that its operator gave it.'),
  ignoreCollision: z
    .boolean()
    .optional()
    .describe('Others may have the static port too: programs that share it on purpose.'),
});

export const network = z
  .strictObject({
    mode: z.literal('host').default('host').describe("The machine's own network."),
    ports: z
      .record(
        z.string().regex(LABEL, 'must be letters, digits, "_" or "-", 63 at most'),
        port.prefault({}),
      )
      .optional()
      .describe('Ports of the machine, by a name; tasks find them in PORT_<name> and others.'),
  })
  .optional()
  .describe('The network that the tasks share.');
