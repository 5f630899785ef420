/** A world in which the mock driver passes the contract, and in which mutants of it do not. */
import type { Driver, ExecutorDoor } from '../../src/drivers/driver.ts';
import type { UsageDoor } from '../../src/drivers/usage.ts';
import {
  FakeClock,
  keptDoors,
  MockWorld,
  type DriverRig,
  type KeptDoors,
  type MockConfig,
} from '../../src/testing/index.ts';
import { mockSessions } from './mock-sessions.ts';
import { runRequest } from './run-request.ts';

export function mockRig(driverOf: (world: MockWorld) => Driver): DriverRig {
  const clock = new FakeClock();
  return agentIn({ world: new MockWorld(clock), clock, doors: keptDoors({} as ExecutorDoor) });
  function agentIn(place: {
    readonly world: MockWorld;
    readonly clock: FakeClock;
    readonly doors: KeptDoors;
  }): DriverRig {
    const { world, doors } = place;
    const request = async (config: MockConfig) =>
      runRequest('mock', { ...config }, world.runs().length + 1);
    return {
      driver: driverOf(world),
      doors,
      // The mock's runs use what a test says, and need no door for it.
      usage: {} as UsageDoor,
      sessions: mockSessions(world),
      patienceMs: 50,
      lasting: () => request({}),
      ending: (exitCode) => request({ runFor: '0s', exitCode }),
      impossible: () => request({ startError: { message: 'no such image' } }),
      deaf: () => request({ ignoresSignals: true }),
      // Time goes on by itself while a stop waits.
      untilDeaf: async () => void setImmediate(() => void place.clock.advance('1s')),
      making: () => request({ makes: 'v1' }),
      things: async () => [...world.volumes].map((id) => ({ kind: 'volume', id })),
      nextAgent: async () => agentIn(place),
      end: async () => undefined,
    };
  }
}
