/** What an isolated program finds in its environment, against what is shown of it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import { noContainersBecause } from '../processes/container-rig.ts';
import { Machine } from './rig.ts';

const obstacle = noContainersBecause();

describe.skipIf(obstacle)(
  `the environment inside a root of its own (${obstacle ?? 'here'})`,
  () => {
    let machine: Machine;
    let agent: Orchestrator;

    beforeEach(async () => {
      machine = new Machine();
      agent = await machine.startAgent('--driver', 'exec', '--node', 'datacenter=dc7');
    });
    afterEach(async () => {
      await agent[Symbol.asyncDispose]();
      await machine.scrap();
    });

    it('is the one that is shown, with the places as the program sees them and its user’s words', async () => {
      const env = { WHERE: '${NOMAD_TASK_DIR} ${node.datacenter}', HOME: '/own', ODD: 'a"b\nc' };
      const task = {
        name: 'web',
        driver: 'exec',
        env,
        config: { command: '/usr/bin/env', args: ['-0'] },
      };
      const handle = await agent.run({ name: 'shop', type: 'batch', tasks: [task] });
      expect(await handle.wait()).toMatchObject({ state: 'complete' });
      const lines = machine.outputOf(handle.allocId, 'web').split('\0').slice(0, -1);
      const found = Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      );
      const { variables, problems } = await agent.env('shop');
      expect(Object.fromEntries(variables.map(({ name, value }) => [name, value]))).toEqual(found);
      expect(problems).toEqual([]);
      expect(found).toMatchObject({
        WHERE: '/local dc7',
        HOME: '/own',
        USER: 'nobody',
        ODD: 'a"b\nc',
      });
      const layers = Object.fromEntries(variables.map(({ name, layer }) => [name, layer]));
      expect(layers).toMatchObject({
        HOME: 'task',
        USER: 'user',
        HOLDFAST_MARK: 'mark',
        NOMAD_DC: 'identity',
      });
    });
  },
);
