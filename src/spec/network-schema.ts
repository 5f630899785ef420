/** `network` of a group. Loads zod, like every schema file. */
import { z } from 'zod';
import { name } from './schema-parts.ts';

const LABEL = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
const HOSTNAME =
  /^(?=.{1,64}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;
const MODE = /^(host|none|bridge|cni\/[A-Za-z0-9][A-Za-z0-9_.-]{0,63})$/;
const portNumber = z.int().min(1).max(65_535);
/** No list gets a line of its own into resolv.conf. */
const word = (what: string): z.ZodString =>
  z.string().regex(/^[A-Za-z0-9_.:-]{1,253}$/, `must be ${what}`);

const port = z.strictObject({
  static: portNumber.optional().describe('This port of the machine. Left out: a free one.'),
  to: portNumber
    .optional()
    .describe('What programs listen on, in a network of their own. Left out: the same port.'),
  hostNetwork: name
    .optional()
    .describe('An address of the machine, by the name that its operator gave it.'),
  ignoreCollision: z
    .boolean()
    .optional()
    .describe('Others may have the static port too: programs that share it on purpose.'),
});

const dns = z.strictObject({
  servers: z
    .array(z.union([z.ipv4(), z.ipv6()], { error: 'must be an IP address' }))
    .max(8)
    .optional()
    .describe('Addresses of name servers.'),
  searches: z
    .array(word('a domain, such as "example.com"'))
    .max(32)
    .optional()
    .describe('Domains that short names are looked up in.'),
  options: z.array(word('an option, such as "ndots:2"')).max(32).optional(),
});

export const network = z
  .strictObject({
    mode: z
      .string()
      .regex(MODE, 'must be "host", "none", "bridge" or "cni/NAME"')
      .default('host')
      .describe("host: the machine's own. Others are the group's: none, bridge, cni/NAME."),
    hostname: z
      .string()
      .regex(HOSTNAME, 'must be a host name, 64 characters at most')
      .optional()
      .describe('What isolated tasks find as the name of the machine.'),
    dns: dns
      .optional()
      .describe("Who isolated tasks ask for names. What is left out is the machine's."),
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
