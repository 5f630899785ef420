/** The combinator: decide, append, evolve, do the duty, publish, in this order and one message at a time. */
import { setImmediate as turn } from 'node:timers/promises';
import { createActor } from 'xstate';
import { describe, expect, it } from 'vitest';
import { eventSourced, type Duty } from '../../src/actors/event-sourced.ts';
import { HoldfastError } from '../../src/errors.ts';
import {
  gatedLog,
  openLog,
  smallActor,
  STREAM,
  table,
  type Note,
  type Word,
} from './small-chart.ts';

async function turns(): Promise<void> {
  for (let count = 0; count < 5; count += 1) await turn();
}

/** A duty that says when it began and when it was aborted, and never ends by itself. */
function watched(name: string, seen: string[]): Duty<Note, Word> {
  return ({ signal }) => {
    seen.push(`${name} began`);
    signal.addEventListener('abort', () => seen.push(`${name} aborted`));
    return new Promise(() => undefined);
  };
}

describe('a message', () => {
  it('is answered when its events are durable, and acted on only then', async () => {
    const seen: string[] = [];
    const gated = gatedLog(openLog());
    const { child, states } = smallActor({
      log: gated.log,
      duties: { work: watched('work', seen) },
    });
    const answer = child.tell({ type: 'Begin' }).then(() => seen.push('answered'));
    await turns();
    expect([seen, states.at(-1), gated.log.head]).toEqual([[], 'idle', 0]);
    gated.open();
    await answer;
    expect(seen).toEqual(['work began', 'answered']);
    expect([states.at(-1), gated.log.head]).toEqual(['working', 1]);
  });

  it('waits while another one is being made durable', async () => {
    const gated = gatedLog(openLog());
    const { child } = smallActor({ log: gated.log });
    const all = Promise.all([
      child.tell({ type: 'Begin' }),
      child.tell({ type: 'Say', text: 'one' }),
      child.tell({ type: 'Say', text: 'two' }),
    ]);
    gated.open();
    await all;
    expect(child.folded.state.context.notes).toEqual(['one', 'two']);
    expect(child.folded.version).toBe(3);
  });

  it('that is rejected gives its caller the error, and nothing is appended', async () => {
    const log = openLog();
    const { child } = smallActor({ log });
    await expect(child.tell({ type: 'Senseless' })).rejects.toMatchObject({ code: 'WRONG_STATE' });
    await child.tell({ type: 'Ignored' });
    expect(log.head).toBe(0);
  });

  it('to an actor that was stopped is refused', async () => {
    const { child } = smallActor();
    child.stop();
    await expect(child.tell({ type: 'Begin' })).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('to an actor that has ended is decided, and changes nothing', async () => {
    const { child } = smallActor();
    await child.tell({ type: 'Begin' });
    await child.tell({ type: 'End' });
    await child.tell({ type: 'Ignored' });
    await expect(child.tell({ type: 'Senseless' })).rejects.toMatchObject({ code: 'WRONG_STATE' });
    expect(child.folded.version).toBe(2);
  });
});

describe('a duty', () => {
  it('is aborted when its state is left, and what it reports then is not taken', async () => {
    const seen: string[] = [];
    const late = Promise.withResolvers<Word>();
    const { child } = smallActor({
      duties: {
        work({ signal }) {
          signal.addEventListener('abort', () => seen.push('aborted'));
          return late.promise;
        },
        rest: watched('rest', seen),
      },
    });
    await child.tell({ type: 'Begin' });
    await child.tell({ type: 'Rest' });
    expect(seen).toEqual(['aborted', 'rest began']);
    late.resolve({ type: 'Say', text: 'too late' });
    await turns();
    expect(child.folded.state.context.notes).toEqual([]);
  });

  it('goes on while something is noted in its state, and sees the newest state', async () => {
    const seen: string[] = [];
    const notes = Promise.withResolvers<() => readonly string[]>();
    const { child } = smallActor({
      duties: {
        work(scope) {
          notes.resolve(() => scope.current().context.notes);
          return watched('work', seen)(scope);
        },
      },
    });
    await child.tell({ type: 'Begin' });
    await child.tell({ type: 'Say', text: 'hello' });
    expect(seen).toEqual(['work began']);
    expect((await notes.promise)()).toEqual(['hello']);
  });

  it('starts anew when an event leads to its state again', async () => {
    const seen: string[] = [];
    const { child } = smallActor({ duties: { work: watched('work', seen) } });
    await child.tell({ type: 'Begin' });
    await child.tell({ type: 'Begin' });
    expect(seen).toEqual(['work began', 'work aborted', 'work began']);
  });

  it('mails its progress and one closing report', async () => {
    const { child, clock } = smallActor({
      duties: {
        async work({ report }) {
          await report({ type: 'Say', text: 'half' });
          return { type: 'Rest' };
        },
      },
    });
    await child.tell({ type: 'Begin' });
    await clock.advance(0);
    expect(child.folded.state).toEqual({ value: 'resting', context: { notes: ['half'] } });
  });

  it('does something once for an event that asks for it, after it is durable', async () => {
    const pokes: number[] = [];
    const log = openLog();
    const { child } = smallActor({ log, onPoke: () => void pokes.push(log.head) });
    await child.tell({ type: 'Begin' });
    await child.tell({ type: 'Poke' });
    expect(pokes).toEqual([2]);
  });
});

describe('a crash', () => {
  it('of an append is followed by a new actor, folded from the log', async () => {
    const seen: string[] = [];
    const gated = gatedLog(openLog());
    gated.open();
    const { child, restarts } = smallActor({
      log: gated.log,
      duties: { work: watched('work', seen) },
    });
    await child.tell({ type: 'Begin' });
    gated.failNext(new HoldfastError('VERSION_CONFLICT', 'somebody else wrote'));
    await expect(child.tell({ type: 'Say', text: 'lost' })).rejects.toMatchObject({
      code: 'VERSION_CONFLICT',
    });
    await child.tell({ type: 'Say', text: 'after' });
    expect(seen).toEqual(['work began', 'work aborted', 'work began']);
    expect(restarts).toMatchObject([{ message: 'somebody else wrote' }]);
    expect(child.folded.state.context.notes).toEqual(['after']);
  });

  it('by somebody else writing the stream ends with what that one wrote', async () => {
    const log = openLog();
    const { child } = smallActor({ log });
    await child.tell({ type: 'Begin' });
    await log.append(STREAM, 1, [{ type: 'Noted', run: 1, at: 1, data: { text: 'theirs' } }]);
    await expect(child.tell({ type: 'Say', text: 'mine' })).rejects.toThrow();
    await child.tell({ type: 'Say', text: 'again' });
    expect(child.folded.state.context.notes).toEqual(['theirs', 'again']);
  });

  it('by an event that is not lawful happens before anything is appended', async () => {
    const log = openLog();
    const { child } = smallActor({ log });
    await expect(child.tell({ type: 'Unlawful' })).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(log.head).toBe(0);
    await child.tell({ type: 'Begin' });
    expect(child.folded.state.value).toBe('working');
  });

  it('of a duty that has a bug leads to the same duty again, and then to escalation', async () => {
    let tries = 0;
    const { child, escalations } = smallActor({
      restarts: 2,
      duties: {
        work() {
          tries += 1;
          return Promise.reject(new TypeError('a bug'));
        },
      },
    });
    await child.tell({ type: 'Begin' });
    await turns();
    expect(tries).toBe(3);
    expect(escalations).toMatchObject([{ message: expect.stringContaining('a bug') }]);
  });

  it('that was escalated is forgiven once somebody wants something of the actor', async () => {
    let tries = 0;
    const { child, escalations } = smallActor({
      restarts: 2,
      duties: {
        work() {
          tries += 1;
          return Promise.reject(new TypeError('a bug'));
        },
      },
    });
    await child.tell({ type: 'Begin' });
    await turns();
    await child.tell({ type: 'Poke' });
    await turns();
    expect(tries).toBe(6);
    expect(escalations).toHaveLength(2);
  });
});

describe('an actor that wakes up in a state', () => {
  it('does its duty, whoever brought it there', async () => {
    const seen: string[] = [];
    const state = { value: 'working', context: { notes: ['before'] } };
    const logic = eventSourced<Note, Word, never>({
      stream: STREAM,
      log: openLog(),
      table,
      folded: { version: 3, position: 9, state },
      decide: () => [],
      duties: { work: watched('work', seen) },
    });
    const actor = createActor(logic).start();
    expect(seen).toEqual(['work began']);
    expect(actor.getSnapshot()).toMatchObject({ status: 'active', folded: { position: 9, state } });
    actor.stop();
    expect(seen).toEqual(['work began', 'work aborted']);
  });
});
