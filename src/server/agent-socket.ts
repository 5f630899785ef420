/** What an agent and those who look for it agree on before the first call. */
import { join } from 'node:path';
import type { HoldfastError } from '../errors.ts';

/** Number of the conversation. A client refuses an agent of another number. */
export const AGENT_PROTOCOL = 1;

/** Where an agent listens. */
export function agentSocket(dataDir: string): string {
  return join(dataDir, 'agent.sock');
}

/** An agent answered, and says itself that it cannot serve now, and why: what was asked was not done. */
export function isWaiting({ details }: HoldfastError): boolean {
  return details['isWaiting'] === true;
}
