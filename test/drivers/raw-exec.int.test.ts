/** raw_exec is a driver: the contract. */
import { rawExec } from '../../src/drivers/raw-exec.ts';
import { describeDriver } from '../contract/driver.contract.ts';
import { agentOf, World } from './process-world.ts';

describeDriver('raw_exec', () => agentOf(new World(rawExec())));
