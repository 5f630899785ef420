/** raw_exec is a driver: the contract. */
import { rawExec } from '../../src/drivers/raw-exec.ts';
import { describeDriver } from '../contract/driver.contract.ts';
import { tryCommands } from './process-trial.ts';

describeDriver('raw_exec', () => tryCommands(rawExec));
