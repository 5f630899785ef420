/** The contract of drivers as tests. */
import { describe, it } from 'vitest';
import { driverContract, type DriverRig } from '../../src/testing/index.ts';

export type { DriverRig };

export function describeDriver(name: string, openRig: () => Promise<DriverRig>): void {
  describe(`${name} keeps the contract: a driver`, () => {
    for (const rule of driverContract) {
      it(rule.title, async ({ skip }) => {
        const reason = await rule.run(openRig);
        if (reason !== undefined) skip(reason);
      });
    }
  });
}
