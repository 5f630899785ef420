/** What an agent is told of its machine: `node` and `network`. Loads zod. */
import { z } from 'zod';
import { freeText, name, text } from '../spec/schema-parts.ts';

const PORTS = 'must be a range of ports, such as "20000-32000"';
const range = z
  .string({ error: PORTS })
  .regex(/^\d{1,5}(?:-\d{1,5})?$/, PORTS)
  .refine((written) => {
    const [from = 0, to = from] = written.split('-').map(Number);
    return from >= 1 && from <= to && to <= 65_535;
  }, PORTS);
const directories = z.array(text.refine((value) => value.startsWith('/'), 'must be absolute'));
const address = z.union([z.ipv4(), z.ipv6()], { error: 'must be an IP address' });

export const node = z
  .strictObject({
    id: text.optional(),
    name: text.optional(),
    datacenter: text.optional(),
    region: text.optional(),
    class: text.optional(),
    pool: text.optional(),
    coreMhz: z.int().min(1).max(999_999).optional(),
    meta: freeText.optional(),
    attributes: freeText.optional(),
  })
  .optional()
  .describe('What tasks are told of this machine.');

export const network = z
  .strictObject({
    ports: range.optional().describe('Those that groups get which ask for any. "20000-32000".'),
    reserved: z
      .array(z.union([z.int().min(1).max(65_535), range], { error: 'must be a port or a range' }))
      .optional()
      .describe('Those that nobody gets.'),
    hostIp: address.optional().describe('Of ports that name no address.'),
    addresses: z.record(name, address).optional().describe('Addresses of the machine, by name.'),
    cniPath: directories.optional(),
    cniConfig: directories.optional(),
    bridge: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/, 'must be a name of an interface')
      .optional(),
    subnet: z.cidrv4({ error: 'must be IPv4 with its prefix, such as 172.26.96.0/20' }).optional(),
  })
  .optional()
  .describe('What groups may have of the network.');
