/** What a token allows. */

/**
 * `read`: views, events, metrics; `logs`: what tasks wrote; `exec`: commands beside isolated tasks; `exec:host`: beside
 * any task; `write`: what changes something; `admin`: all of it, and the agent's end.
 */
export const SCOPES = ['read', 'logs', 'exec', 'exec:host', 'write', 'admin'] as const;

export type Scope = (typeof SCOPES)[number];

/** Who may do more may do less: `admin` everything, `exec:host` what `exec` may. Nothing else implies anything. */
export function isAllowed(held: readonly Scope[], wanted: Scope): boolean {
  if (held.includes('admin') || held.includes(wanted)) return true;
  return wanted === 'exec' && held.includes('exec:host');
}
