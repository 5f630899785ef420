import { ExecutorServiceDefinition } from './gen/holdfast/executor/v1/executor.ts';
import { methodsOf } from './method.ts';

/** What may be asked of an executor host. */
export const executorMethods = methodsOf(ExecutorServiceDefinition);
