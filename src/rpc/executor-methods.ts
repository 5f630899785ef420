import { ExecutorServiceDefinition } from './gen/holdfast/executor/v1/executor.ts';
import { methodsOf } from './method.ts';

/**
 * Number of the conversation that executor.proto describes. A host of protocol 1 cannot confine a program, one of 2 not
 * run it without FIFOs, nor see to it that its output is collected.
 */
export const EXECUTOR_PROTOCOL = 3;

/** What may be asked of an executor host. */
export const executorMethods = methodsOf(ExecutorServiceDefinition);
