/** What a driver knows of the agent that it works for, apart from any task. */
import type { NodeEvent } from '../events/node-event.ts';
import type { Facts } from '../machines/chart-parts.ts';
import type { Clock, Logger } from '../ports.ts';

export interface DriverAgent {
  /** Owner of everything that this data directory has on the machine, for ever. */
  readonly instanceId: string;
  readonly machineEpoch: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Absolute path; only the agent may look into it. What a driver keeps there is in a directory of its own. */
  readonly stateDir: string;
  /**
   * Resolves when everything that the log and the files speak of has been looked at: before, a run may not be known yet
   * that will be. Nothing is to be taken for nobody's until then.
   */
  readonly recovered: Promise<void>;
  /**
   * Is this the newest run of a task that is not over? With `of`, what the driver believes the run to be of, a task
   * whose log cannot be read keeps all that is its own. May be asked at any time.
   */
  isKnown(launchKey: string, of?: { readonly allocId: string; readonly task: string }): boolean;
  /** Appends a fact to the node's stream, in order, without being waited for. Few: none for a thing of every minute. */
  record<T extends NodeEvent['type']>(type: T, facts: Facts<NodeEvent, T>): void;
  /** Something has become otherwise: asks to be fingerprinted soon. May be called at any time, and often. */
  changed(): void;
  /**
   * Adds `n` to a count of this agent, which is kept in memory and ends with it. `metric` and the labels follow
   * Prometheus' rules for names; a task's are those of its voice. What is beyond 4,096 counts is not counted.
   */
  count(metric: string, labels: Readonly<Record<string, string>>, n?: number): void;
}

/** What a driver does on behalf of one agent, such as to follow the events of an engine. */
export interface DriverAttachment {
  /** The agent goes away: nothing more is done on its behalf. What runs is not touched. Called once. */
  close(): Promise<void>;
}
