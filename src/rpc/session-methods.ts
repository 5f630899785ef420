import { SessionServiceDefinition } from './gen/holdfast/executor/v1/sessions.ts';
import { methodsOf } from './method.ts';

/** What may be asked of an executor host about commands beside programs. */
export const sessionMethods = methodsOf(SessionServiceDefinition);
