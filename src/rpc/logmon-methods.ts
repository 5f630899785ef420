import { LogmonServiceDefinition } from './gen/holdfast/logmon/v1/logmon.ts';
import { methodsOf } from './method.ts';

/** What may be asked of a logmon host. */
export const logmonMethods = methodsOf(LogmonServiceDefinition);
