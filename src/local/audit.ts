/** Records who asks for what, and what of it is refused, around the commands of an orchestrator. */
import type { Actor, Refusal } from '../api/actor.ts';
import type { AuditTrail, Received } from '../actors/audit-trail.ts';
import type { Roster } from '../actors/roster.ts';
import { HoldfastError } from '../errors.ts';

export interface Asked {
  readonly command: string;
  /** As the caller said it; of `run` the group's name. */
  readonly ref: string;
  /** What it means, where the words do not say it. */
  readonly allocIds?: readonly string[];
  /** Never anything that may be secret. */
  readonly options?: Readonly<Record<string, string | undefined>>;
}

export interface AuditDoors {
  readonly trail: Pick<AuditTrail, 'received' | 'refused'>;
  readonly roster: Pick<Roster, 'resolve'>;
}

const MOST_CHARACTERS = 200;
const MOST_ITEMS = 8;

/** Nobody was refused: the caller went away, or the agent ends. */
const NOT_REFUSED: ReadonlySet<string> = new Set(['ABORTED', 'CLOSED', 'STORE_FAILED']);

export class Audit {
  readonly #doors: AuditDoors;
  readonly #actor: Received['actor'];

  constructor(doors: AuditDoors, actor: Actor) {
    this.#doors = doors;
    this.#actor = bounded(actor);
  }

  /**
   * Does `work` when the command is on its way into the log: everything that is appended because of it comes after it.
   * It answers when both are durable. Errors: those of `work`, and of the log.
   */
  async around<T>(asked: Asked, work: () => Promise<T>): Promise<T> {
    const { trail } = this.#doors;
    const about = this.#about(asked);
    const options = textsOf(asked.options);
    const position = trail.received({ ...about, options });
    // It is asked for in either case, at the end.
    position.catch(() => undefined);
    try {
      const result = await work();
      await position;
      return result;
    } catch (error) {
      this.#refused(about, error, await position.catch(() => null));
      throw error;
    }
  }

  /** At a door of somebody else's. */
  refused({ command, ref, error }: Refusal): void {
    this.#refused(this.#about({ command, ref }), error, null);
  }

  #refused(about: Omit<Received, 'options'>, error: unknown, received: number | null): void {
    // Its words may quote what was sent.
    const { code } = HoldfastError.from(error);
    if (NOT_REFUSED.has(code)) return;
    this.#doors.trail.refused({ ...about, received, code });
  }

  #about({ command, ref, allocIds }: Asked): Omit<Received, 'options'> {
    const meant = allocIds === undefined ? this.#meant(ref) : { allocIds, task: null };
    return {
      command: cut(command),
      actor: this.#actor,
      ref: cut(ref),
      allocIds: meant.allocIds.map(cut).slice(0, MOST_ITEMS),
      task: meant.task,
    };
  }

  #meant(ref: string): Pick<Received, 'allocIds' | 'task'> {
    try {
      const { allocId, task = null } = this.#doors.roster.resolve(ref);
      return { allocIds: [allocId], task };
    } catch {
      return { allocIds: [], task: null };
    }
  }
}

/** Somebody else chooses these texts. */
function bounded({ name, address, client, onBehalfOf, scopes, ...rest }: Actor): Received['actor'] {
  return {
    ...rest,
    name: cut(name),
    ...(address === undefined ? {} : { address: cut(address) }),
    ...(client === undefined ? {} : { client: cut(client) }),
    ...(onBehalfOf === undefined ? {} : { onBehalfOf: cut(onBehalfOf) }),
    ...(scopes === undefined ? {} : { scopes: scopes.map(cut).slice(0, MOST_ITEMS) }),
  };
}

function textsOf(options: Asked['options'] = {}): Record<string, string> {
  const said = Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [[cut(name), cut(value)] as const],
  );
  return Object.fromEntries(said.slice(0, MOST_ITEMS));
}

/** No half of a surrogate pair is left, and nothing that writes over a terminal. */
function cut(text: string): string {
  const short = text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`;
  return short.replaceAll(/[\p{Cc}\p{Cs}]/gu, ' ');
}
