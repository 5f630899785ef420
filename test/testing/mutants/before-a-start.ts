/** Drivers that do wrong before a run begins. */
import { HoldfastError } from '../../../src/errors.ts';
import { mutant, type Mutant } from './mutant.ts';

export const BEFORE_A_START: Readonly<Record<string, Mutant>> = {
  'tells how healthy it is in one sentence': mutant('without a sentence', (driver) => ({
    ...driver,
    fingerprint: async () => ({ health: 'healthy', message: '', attributes: {} }),
  })),
  'is healthy exactly when a start works': mutant('says that it is undetected', (driver) => ({
    ...driver,
    fingerprint: async () => ({ health: 'undetected', message: 'no engine', attributes: {} }),
  })),
  'accepts a good config': mutant('this task asks for too much', (driver) => ({
    ...driver,
    checkTask() {
      throw new HoldfastError('CAPABILITY_MISSING', 'this task asks for too much');
    },
  })),
  'refuses a key that it does not know, and says where it is': mutant('was accepted', (driver) => ({
    ...driver,
    checkConfig: () => undefined,
  })),
  'shows nothing of a run that nobody started': mutant('counts as own', (driver, world) => ({
    ...driver,
    isOwn: (run, doors) => world.recordOf(run).fate === 'none' || driver.isOwn(run, doors),
  })),
  'refuses a start that cannot be, for good and with a reason': mutant(
    'worth another attempt',
    (driver) => ({
      ...driver,
      async start(run, doors, signal) {
        const outcome = await driver.start(run, doors, signal);
        return outcome.kind === 'refused' ? { ...outcome, isRecoverable: true } : outcome;
      },
    }),
  ),
  'has not begun what it refused': mutant('the decision is "adopt"', (driver, world) => ({
    ...driver,
    async start(run, doors, signal) {
      const outcome = await driver.start(run, doors, signal);
      if (outcome.kind === 'refused') world.begin(world.recordOf(run));
      return outcome;
    },
  })),
  'begins nothing for a start that was given up before': mutant('as if it were not', (driver) => ({
    ...driver,
    start: (run, doors) => driver.start(run, doors, new AbortController().signal),
  })),
  'lets the stop of a run that was not started win against a later start': mutant(
    'although it had been aborted',
    (driver, world) => ({
      ...driver,
      async start(run, doors, signal) {
        const found = world.recordOf(run);
        if (found.fate === 'abort') found.fate = 'none';
        return driver.start(run, doors, signal);
      },
    }),
  ),
};
