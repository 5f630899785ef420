import { describe, expect, it } from 'vitest';
import { historyOf } from '../../src/projections/history.ts';
import { allocReceived, exited, killing, received, started, told } from './told-events.ts';

describe('the history of an alloc', () => {
  it('tells for each event the state before and behind it, of each task by itself', () => {
    const entries = historyOf(
      told([
        allocReceived,
        received('api'),
        ['', 'AllocGateOpened', { gate: 'main' }],
        ['api', 'GateOpened', { gate: 'main' }],
        ...started('api', 1),
        ['api', 'TaskSignaled', { signal: 'SIGHUP' }, 1],
        killing('api', 1, { reason: 'why not' }),
        exited('api', 1, { exitCode: null, signal: 'SIGTERM' }),
      ]),
    );
    const lines = entries.map(({ task, from, to }) => `${task ?? 'alloc'}: ${from} → ${to}`);
    expect(lines).toEqual([
      'alloc: pending → prestart',
      'api: pending → pending',
      'alloc: prestart → main',
      'api: pending → prestart',
      'api: prestart → prestart',
      'api: prestart → starting',
      'api: starting → running',
      'api: running → running',
      'api: running → killing',
      'api: killing → exited',
    ]);
    expect(entries.at(-2)?.text).toBe('it is ended (SIGTERM, by force after 5s): why not');
  });

  it('tells no state any more behind an event that it does not understand', () => {
    const entries = historyOf(
      told([received('api'), ['api', 'FromTheFuture'], ...started('api', 1)]),
    );
    expect(entries.map(({ from, to }) => [from, to])).toEqual([
      ['pending', 'pending'],
      ['pending', null],
      [null, null],
      [null, null],
      [null, null],
    ]);
    expect(entries[1]?.text).toBe('FromTheFuture');
  });
});
