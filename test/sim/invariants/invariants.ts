/**
 * What must hold at every step of every history: the invariants of the reliability programme, each where it can be
 * told. Evidence for what runs did comes from the world's ledger, never from an agent.
 *
 *   log-book.ts   I3, I7, I18          runs.ts      I1, I2, I4, I5, I6, I9
 *   signals.ts    I9, I11, P12         restarts.ts  I15, P12
 *   sessions.ts   I1, I3-I6, I9, I10, I12 of commands beside programs
 *   groups.ts     I27, I28, I29, I30   updates.ts   I31, I32, I33
 *   collectors.ts I25, I26, and I24 of a machine that is left alone
 *   subscriber.ts I8                   rest.ts      I10, I12, I13, I16, I19, I20, once faults are over
 *
 * I14 (unknown is waited for) follows from I1, I2 and I5 under the fault `blind`; its 3,240 rows are a test of their
 * own. I17 (no secret anywhere) and what a real kernel, SQLite and shell do are for real processes.
 */
import type { World } from '../world/world.ts';
import { CollectorInvariants } from './collectors.ts';
import { GroupInvariants } from './groups.ts';
import { LogBook } from './log-book.ts';
import { RestartInvariants } from './restarts.ts';
import { RunInvariants } from './runs.ts';
import { SessionInvariants } from './sessions.ts';
import { SignalInvariants } from './signals.ts';
import { Subscriber } from './subscriber.ts';
import { UpdateInvariants } from './updates.ts';

export type Fail = (text: string) => void;

export class Invariants {
  readonly book: LogBook;
  readonly subscriber: Subscriber;
  readonly sessions: SessionInvariants;
  readonly updates: UpdateInvariants;

  /** `isStopAsked` tells of a task whether somebody wanted the end of this very task. */
  constructor(world: World, isStopAsked: (ref: string) => boolean, fail: Fail) {
    const say: Fail = (text) => {
      world.note(`VIOLATION ${text}`);
      fail(text);
    };
    this.book = new LogBook(world, say);
    this.subscriber = new Subscriber(world, say);
    const runs = new RunInvariants(world, this.book, say);
    const signals = new SignalInvariants(world, this.book, say);
    this.sessions = new SessionInvariants(world, this.book, say);
    void new RestartInvariants(world, this.book, say);
    void new GroupInvariants(this.book, isStopAsked, say);
    this.updates = new UpdateInvariants(world, this.book, say);
    const collectors = new CollectorInvariants(world, say);
    world.store.watcher = {
      onWritten: (rows, epoch) => this.book.onWritten(rows, epoch),
      onRemoved: () => undefined,
    };
    world.watcher = {
      onLaunch: (launch) => runs.onLaunch(launch),
      onCommand: (command) => this.sessions.onCommand(command),
      onSignal: (target, signal, sender) => {
        signals.onSignal(target, signal, sender);
        collectors.onSignal(target, signal);
      },
      onPump: (collector, fifo) => collectors.onPump(collector, fifo),
      onCollectorStart: (starter) => collectors.onCollectorStart(starter),
    };
  }
}
