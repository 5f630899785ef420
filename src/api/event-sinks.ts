/** Where events are sent, and how far each place has them. */

export interface SinkView {
  readonly name: string;
  readonly type: 'webhook' | 'file' | 'nats';
  /** Without passwords. */
  readonly to: string;
  /** `failing`: it is tried again and again. `stopped`: the receiver said that it wants nothing any more. */
  readonly state: 'delivering' | 'failing' | 'stopped';
  /** Everything that it wants up to here is there. */
  readonly position: number;
  /** Events of the log behind that, wanted or not. */
  readonly lag: number;
  /** Events, by this agent. */
  readonly sent: number;
  /** Tries that failed, by this agent. */
  readonly failures: number;
  /** Also when it is over. */
  readonly lastError: string | null;
  /** ISO 8601. */
  readonly lastErrorAt: string | null;
}
