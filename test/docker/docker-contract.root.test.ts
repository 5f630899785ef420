import { afterAll, beforeAll, describe } from 'vitest';
import { describeDriver, type DriverRig } from '../contract/driver.contract.ts';
import { DEAF_SCRIPT, untilDeaf } from '../../src/testing/until-deaf.ts';
import { DockerRuns } from './docker-runs.ts';
import { EngineRig, whyNoEngine } from './engine-rig.ts';

const missing = whyNoEngine();

describe.skipIf(missing !== undefined)(`containers of an engine ${missing ?? ''}`, () => {
  let engine: EngineRig;
  beforeAll(async () => {
    engine = await EngineRig.open();
  });
  afterAll(() => engine.close());

  const rigOf = (runs: DockerRuns, agent = runs.agent()): DriverRig => ({
    ...agent,
    usage: {
      follow() {
        throw new Error('a container is looked up at its engine');
      },
    },
    lasting: () => Promise.resolve(runs.lasting()),
    ending: (exitCode) => Promise.resolve(runs.script(`sleep 0.2; exit ${exitCode}`)),
    impossible: () => Promise.resolve(runs.run({ command: '/no/such/program' })),
    deaf: () => Promise.resolve(runs.script(DEAF_SCRIPT)),
    untilDeaf: (run) => untilDeaf(agent, run),
    making: () => Promise.resolve(runs.lasting()),
    things: () => Promise.resolve(engine.names().map((id) => ({ kind: 'container', id }))),
    nextAgent: () => Promise.resolve(rigOf(runs)),
    async end() {
      const names = engine.names();
      if (names.length > 0) engine.docker('rm', '--force', ...names);
      runs.close();
    },
  });
  describeDriver('docker', () => Promise.resolve(rigOf(new DockerRuns(engine.endpoint))));
});
