/**
 * What a driver is, whatever it makes of a task: rules that any test runner can run.
 *
 *     for (const rule of driverContract) test(rule.title, async (t) => {
 *       const reason = await rule.run(openRig);
 *       if (reason !== undefined) t.skip(reason);
 *     });
 */
import { A_RUN } from './contract/a-run.ts';
import { A_STOP } from './contract/a-stop.ts';
import { BEFORE_A_START } from './contract/before-a-start.ts';
import { BESIDE_A_RUN } from './contract/beside-a-run.ts';
import { NEXT_AGENT } from './contract/next-agent.ts';
import type { DriverRule } from './contract/rule.ts';

export type { DriverRig, DriverRule } from './contract/rule.ts';

/** In the order in which it is best to make them hold. */
export const driverContract: readonly DriverRule[] = [
  ...BEFORE_A_START,
  ...A_RUN,
  ...A_STOP,
  ...NEXT_AGENT,
  ...BESIDE_A_RUN,
];
