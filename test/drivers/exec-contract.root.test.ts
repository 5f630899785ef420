/** exec is a driver: the contract. Its programs see the machine's pids, since as pid 1 they would ignore SIGTERM. */
import { beforeAll, describe } from 'vitest';
import { exec } from '../../src/drivers/exec.ts';
import { machineCapabilities } from '../../src/os/machine-capabilities.ts';
import { describeDriver } from '../contract/driver.contract.ts';
import { noContainersBecause } from '../processes/container-rig.ts';
import { tryCommands } from './process-trial.ts';

const obstacle = noContainersBecause();

describe.skipIf(obstacle)(`exec (${obstacle ?? 'here'})`, () => {
  beforeAll(() => machineCapabilities());
  describeDriver('exec', () => tryCommands(exec, { pidMode: 'host' }));
});
