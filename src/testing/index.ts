/** For tests of programs that embed Holdfast, and for our own: `import … from 'holdfast/testing'`. */
export { keptDoors, type KeptDoors } from './driver-doors.ts';
export { driverContract, type DriverRig, type DriverRule } from './driver-contract.ts';
export { openDriverRig, type DriverTrial } from './driver-rig.ts';
export { FakeClock } from './fake-clock.ts';
export {
  allocSubject,
  fixedTools,
  foldAll,
  given,
  taskSubject,
  unwalkedEdges,
  type Expected,
  type Subject,
} from './given.ts';
export { openMemoryEventLog } from '../log/memory-event-log.ts';
export type { MockCall, MockConfig } from './mock-config.ts';
export { mockDriver } from './mock-driver.ts';
export { MockWorld, type MockRun } from './mock-world.ts';
