import { LogmonServiceDefinition } from './gen/holdfast/logmon/v1/logmon.ts';
import { methodsOf } from './method.ts';

/** Number of the conversation that logmon.proto describes. A host of an older one knows no runs, times and policies. */
export const LOGMON_PROTOCOL = 2;

/** What may be asked of a logmon host. */
export const logmonMethods = methodsOf(LogmonServiceDefinition);
