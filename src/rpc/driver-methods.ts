import { DriverServiceDefinition } from './gen/holdfast/driver/v1/driver.ts';
import { methodsOf } from './method.ts';

/** Number of the conversation that driver.proto describes; one of another number is not spoken with. */
export const DRIVER_PROTOCOL = 1;

/** What may be asked of a driver in a process of its own. */
export const driverMethods = methodsOf(DriverServiceDefinition);
