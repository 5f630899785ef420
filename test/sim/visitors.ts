/**
 * Whoever runs commands beside tasks: reads what they write, comes and goes, forgets them, closes them. What a visitor
 * has seen stays his when the agent dies that he read through: he asks the next one, from where he was.
 */
import type { ExecSession, Orchestrator } from '../../src/api.ts';
import { HoldfastError } from '../../src/errors.ts';
import type { Agent } from './agent.ts';
import type { Visit } from './workload.ts';
import { NATURE } from './world/processes.ts';
import type { World } from './world/world.ts';

const LOOK_MS = 700;
/** A task that does not run is looked at more seldom, and so often at most. */
const CLOSED_LOOK_MS = 2_500;
const OPENINGS = 12;

/** What one visitor knows. */
export interface Visitor {
  readonly visit: Visit;
  /** Undefined until he was told. */
  session: string | undefined;
  seen: number;
  readonly text: { stdout: string; stderr: string };
  /** Who is asked or read through now. */
  through: Agent | undefined;
  openings: number;
  /** When he was last known to read, and how long at most he was away from an open session. */
  lastThereMs: number;
  longestAwayMs: number;
  awayUntilMs: number;
  hasLeft: boolean;
  /** Nothing follows; `whole` when he was told that it was all. */
  over: 'whole' | 'gone' | 'left' | undefined;
  /** He asked for the end himself. */
  hasClosed: boolean;
}

export interface VisitorsDoors {
  readonly agent: () => Agent | undefined;
  readonly isAccepted: (allocId: string) => boolean;
  readonly onSeen: (visitor: Visitor, start: number) => void;
  readonly onOver: (visitor: Visitor) => void;
  /** Nothing is kept so far back for him. */
  readonly onMissed: (visitor: Visitor, why: string) => void;
}

export class Visitors {
  readonly all: readonly Visitor[];
  readonly #world: World;
  readonly #doors: VisitorsDoors;

  constructor(world: World, visits: readonly Visit[], doors: VisitorsDoors) {
    this.#world = world;
    this.#doors = doors;
    this.all = visits.map(visitorOf);
    for (const visitor of this.all) {
      world.scheduler.at(visitor.visit.atMs, NATURE, 'a visitor comes', () => this.#look(visitor));
    }
  }

  get areGone(): boolean {
    return this.all.every(({ over }) => over !== undefined);
  }

  #look(visitor: Visitor): void {
    if (visitor.over !== undefined) return;
    const { scheduler, nowMs, faults } = this.#world;
    const { visit } = visitor;
    const againMs = visitor.session === undefined ? CLOSED_LOOK_MS : LOOK_MS;
    scheduler.after(againMs, NATURE, 'a visitor looks', () => this.#look(visitor));
    if (visitor.through?.isAlive === true) {
      visitor.lastThereMs = nowMs;
      return;
    }
    const agent = this.#doors.agent();
    const isTired = visitor.openings >= OPENINGS || faults.isOver;
    if (visitor.session === undefined && isTired) return this.#end(visitor, 'gone');
    if (agent === undefined || nowMs < visitor.awayUntilMs) return;
    if (!this.#doors.isAccepted(visit.allocId)) return;
    visitor.through = agent;
    const opens = visitor.session === undefined;
    if (opens) visitor.openings += 1;
    agent.do(`is asked to ${opens ? 'exec' : 'attach'} ${visit.name}`, (orchestrator) => {
      void this.#meet(visitor, orchestrator);
    });
  }

  async #meet(visitor: Visitor, orchestrator: Orchestrator): Promise<void> {
    const { visit, session } = visitor;
    try {
      const found =
        session === undefined
          ? await orchestrator.exec(
              `${visit.allocId}/${visit.task}`,
              ['/bin/program', visit.name],
              {
                ...(visit.hasTerminal && { terminal: { columns: 80, rows: 25 } }),
              },
            )
          : await orchestrator.attach(session, { after: visitor.seen });
      this.#met(visitor, found);
      await this.#read(visitor, found);
    } catch (error) {
      this.#refused(visitor, HoldfastError.from(error));
    }
  }

  #met(visitor: Visitor, { id }: ExecSession): void {
    const { nowMs } = this.#world;
    if (visitor.session !== undefined) {
      const awayMs = nowMs - visitor.lastThereMs;
      visitor.longestAwayMs = Math.max(visitor.longestAwayMs, awayMs);
    }
    visitor.session = id;
    visitor.lastThereMs = nowMs;
    this.#world.note(`visitor ${visitor.visit.name} is at ${id}`);
  }

  async #read(visitor: Visitor, session: ExecSession): Promise<void> {
    const { visit } = visitor;
    this.#type(visitor, session);
    for await (const { stream, data, offset } of session.output) {
      const start = offset - data.length;
      visitor.lastThereMs = this.#world.nowMs;
      this.#doors.onSeen(visitor, start);
      visitor.text[stream] += Buffer.from(data).toString('latin1');
      visitor.seen = offset;
      if (visit.manner === 'comes and goes' && !this.#world.faults.isOver) {
        if (this.#world.chance.isHit(0.2)) return this.#leave(visitor, session);
      }
    }
    const { exitCode, signal, reason } = await session.exit;
    this.#world.note(`visitor ${visit.name} hears ${exitCode ?? signal} ${reason}`);
    // Who hung up reads no further once the command has ended.
    if (visitor.hasClosed) return this.#end(visitor, 'left');
    this.#end(visitor, exitCode === null && signal === null ? 'gone' : 'whole');
  }

  /** Beside the reading: in its manner, a while after he came. */
  #type(visitor: Visitor, session: ExecSession): void {
    const { manner, afterMs } = visitor.visit;
    const { scheduler } = this.#world;
    const agent = visitor.through;
    if (agent === undefined || visitor.hasLeft) return;
    const typed = session.write('typed\n').then(() => session.write('again\n'));
    if (manner === 'ends the input') void typed.then(() => session.end()).catch(() => undefined);
    else void typed.catch(() => undefined);
    if (manner === 'closes') {
      scheduler.after(afterMs, agent.process, 'a visitor closes', () => {
        visitor.hasClosed = true;
        void session[Symbol.asyncDispose]().catch(() => undefined);
      });
    } else if (manner === 'forsakes') {
      scheduler.after(afterMs, agent.process, 'a visitor goes for ever', () => {
        void session.detach();
        this.#end(visitor, 'left');
      });
    }
  }

  async #leave(visitor: Visitor, session: ExecSession): Promise<void> {
    const { nowMs, chance } = this.#world;
    await session.detach();
    visitor.hasLeft = true;
    visitor.through = undefined;
    visitor.lastThereMs = nowMs;
    visitor.awayUntilMs = nowMs + chance.pick([10, 1_000, 15_000, 60_000]);
  }

  #refused(visitor: Visitor, { code, message }: HoldfastError): void {
    this.#world.note(`refuses visitor ${visitor.visit.name}: ${code} ${message}`);
    visitor.through = undefined;
    if (visitor.session === undefined) return;
    if (code === 'POSITION_COMPACTED' || code === 'NOT_FOUND') {
      visitor.longestAwayMs = Math.max(
        visitor.longestAwayMs,
        this.#world.nowMs - visitor.lastThereMs,
      );
      this.#doors.onMissed(visitor, `${code} ${message}`);
      this.#end(visitor, 'gone');
    }
  }

  #end(visitor: Visitor, over: Visitor['over']): void {
    if (visitor.over !== undefined) return;
    visitor.over = over;
    this.#doors.onOver(visitor);
  }
}

function visitorOf(visit: Visit): Visitor {
  return {
    visit,
    session: undefined,
    seen: 0,
    text: { stdout: '', stderr: '' },
    through: undefined,
    openings: 0,
    lastThereMs: 0,
    longestAwayMs: 0,
    awayUntilMs: 0,
    hasLeft: false,
    over: undefined,
    hasClosed: false,
  };
}
