/** Each rule of the contract finds a driver that breaks it, and only it, and says what is wrong. */
import { describe, expect, it } from 'vitest';
import type { Driver } from '../../src/drivers/driver.ts';
import { driverContract, type MockWorld } from '../../src/testing/index.ts';
import { mockRig } from '../drivers/mock-rig.ts';
import { mockBeside } from '../drivers/mock-sessions.ts';
import { A_RUN } from './mutants/a-run.ts';
import { A_STOP } from './mutants/a-stop.ts';
import { BEFORE_A_START } from './mutants/before-a-start.ts';
import { BESIDE_A_RUN } from './mutants/beside-a-run.ts';
import { NEXT_AGENT } from './mutants/next-agent.ts';

/** In the order of the rules. */
const MUTANTS = { ...BEFORE_A_START, ...A_RUN, ...A_STOP, ...NEXT_AGENT, ...BESIDE_A_RUN };

type Broken = readonly [title: string, reason: string];

async function brokenBy(driverOf: (world: MockWorld) => Driver): Promise<readonly Broken[]> {
  const broken: Broken[] = [];
  for (const { title, run } of driverContract) {
    const failure = await run(async () => mockRig(driverOf)).catch((error: unknown) => error);
    if (failure instanceof Error) broken.push([title, failure.message]);
  }
  return broken;
}

describe('the contract of drivers', () => {
  it('is tried whole with a driver that keeps it', async () => {
    const outcomes = driverContract.map(({ run }) => run(async () => mockRig(mockBeside)));
    expect((await Promise.all(outcomes)).filter((reason) => reason !== undefined)).toEqual([]);
  });

  it('has a driver that breaks it for every rule', () => {
    const titles = driverContract.map(({ title }) => title);
    expect(Object.keys(MUTANTS)).toEqual(titles);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it.each(Object.entries(MUTANTS))(
    'finds a driver that breaks: %s',
    async (title, { reason, mutate }) => {
      const broken = await brokenBy((world) => mutate(mockBeside(world), world));
      expect(broken).toEqual([[title, expect.stringContaining(reason)]]);
    },
  );
});
