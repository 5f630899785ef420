/** Who asks. Every command is recorded with it, before it is done (CommandReceived); what is refused is, too. */
import type { Orchestrator } from '../api.ts';

export interface Actor {
  /** `socket`: the agent's own; `grpc`: with a certificate, from other machines. */
  readonly via: 'library' | 'socket' | 'grpc' | 'http';
  /** Of a user of this machine, of a certificate, of a token; or what an embedding program said. */
  readonly name: string;
  /** From where, with the port, over a network. */
  readonly address?: string;
  /** Of the process at the other end of a socket, as the kernel says. */
  readonly uid?: number;
  readonly pid?: number;
  /** Of the token. */
  readonly scopes?: readonly string[];
  /** What the program called itself. Nobody has checked that. */
  readonly client?: string;
  /** For whom it said to ask. Nobody has checked that. */
  readonly onBehalfOf?: string;
}

/** A command that was refused before it came here. */
export interface Refusal {
  readonly command: string;
  readonly ref: string;
  readonly error: unknown;
}

export interface AuditCalls {
  /**
   * The same orchestrator, for `actor`: what is asked of it, and of handles that it gives, is recorded as asked by him.
   * A text is his name. Over a socket he is recorded as the one on whose behalf the caller asks.
   */
  as(actor: Actor | string): Orchestrator;
  /**
   * Records that somebody was refused at a door of one's own. Of many in a minute some are only counted. Does nothing
   * over a socket: an agent records for itself whom it refuses.
   */
  noteRefused(refusal: Refusal): void;
}
