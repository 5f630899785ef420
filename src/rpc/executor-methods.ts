import { ExecutorServiceDefinition } from './gen/holdfast/executor/v1/executor.ts';
import { methodsOf } from './method.ts';

/** Number of the conversation that executor.proto describes. A host of an older one cannot confine a program. */
export const EXECUTOR_PROTOCOL = 2;

/** What may be asked of an executor host. */
export const executorMethods = methodsOf(ExecutorServiceDefinition);
