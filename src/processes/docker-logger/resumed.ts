/** Leaves out what was moved before, and finds out whether anything between is missing. */
import type { LogMessage } from './log-messages.ts';
import { type Position, positionAfter } from './position.ts';
import { Repeats } from './repeats.ts';

/** What comes of reading: a message that was not moved before, or that what came before it is gone. */
export type Piece =
  | { readonly kind: 'message'; readonly content: Buffer; readonly after: Position }
  | { readonly kind: 'gap'; readonly after: Position };

/** What is younger than the message looked for is kept so long: it may come later, where a clock was set back. */
const MOST_HELD_BYTES = 8_388_608;

/**
 * Takes the messages of an answer that begins before a position, in the order of writing, in which an engine throws
 * nothing away but the oldest: either the message that was moved last is among them, or all of them are new.
 */
export class Resumed {
  readonly #from: Position;
  readonly #repeats = new Repeats();
  #position: Position;
  #found = 0;
  #isFound: boolean;
  #held: LogMessage[] = [];
  #heldBytes = 0;

  constructor(from: Position) {
    this.#from = from;
    this.#position = from;
    this.#isFound = from.nth === 0;
  }

  /** Does it hold messages back that may be new? */
  get isAtALoss(): boolean {
    return this.#held.length > 0;
  }

  take(message: LogMessage): Piece[] {
    if (this.#repeats.has(message)) return [];
    if (this.#isFound) return [this.#piece(message)];
    const { time, nth } = this.#from;
    if (message.time === time) this.#found += 1;
    this.#isFound = this.#found === nth;
    if (this.#isFound) this.#held = [];
    if (message.time <= time) return [];
    this.#held.push(message);
    this.#heldBytes += message.content.length;
    return this.#heldBytes > MOST_HELD_BYTES ? this.end() : [];
  }

  /** There is no more. */
  end(): Piece[] {
    if (this.#isFound) return [];
    this.#isFound = true;
    this.#position = { time: this.#from.time, nth: 0, offset: 0 };
    const gap: Piece = { kind: 'gap', after: this.#position };
    const held = this.#held;
    this.#held = [];
    return [gap, ...held.map((message) => this.#piece(message))];
  }

  #piece({ time, content }: LogMessage): Piece {
    const rest = content.subarray(this.#position.offset);
    this.#position = positionAfter(this.#position, time);
    return { kind: 'message', content: rest, after: this.#position };
  }
}
