/** A payload from the command line into a program. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Machine, until } from '../acceptance/rig.ts';

const GROUP = `
name: orders
type: batch
tasks:
  - name: api
    driver: raw_exec
    config: { command: cat, args: [local/order.json] }
    dispatch_payload: { file: order.json }
`;

let machine: Machine;
afterEach(() => machine.scrap());

it('is what the program finds', { timeout: 120_000 }, async () => {
  machine = new Machine();
  const agent = await machine.startAgent();
  const [file, payload] = ['g.yaml', 'order'].map((name) => join(machine.dataDir, name)) as [
    string,
    string,
  ];
  writeFileSync(file, GROUP);
  writeFileSync(payload, '{"order": 7}');
  const without = machine.holdfast('run', file);
  expect([without.status, without.stderr]).toEqual([2, expect.stringContaining('--payload')]);
  const { status, stdout, stderr } = machine.holdfast('run', file, '--payload', payload);
  expect([status, stderr]).toEqual([0, expect.stringContaining('orders is accepted')]);
  const allocId = stdout.trim();
  await until('it has ended', async () => !(await agent.inspect(allocId)).isLive);
  const logs = join(machine.dataDir, 'state', 'logs', allocId);
  const written = readdirSync(logs).map((name) => readFileSync(join(logs, name), 'utf8'));
  expect(written).toContain('{"order": 7}');
  const nowhere = machine.holdfast('run', file, '--payload', '/nowhere');
  expect([nowhere.status, nowhere.stderr]).toEqual([3, expect.stringContaining('no such file')]);
});
