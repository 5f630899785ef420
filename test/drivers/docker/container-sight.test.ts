import { describe, expect, it } from 'vitest';
import {
  begunNote,
  type Found,
  outcomeOf,
  signalNote,
  sightOf,
} from '../../../src/drivers/docker/container-sight.ts';
import type { Claim } from '../../../src/drivers/run-claims.ts';
import type { ContainerState } from '../../../src/engine/engine.ts';
import { decideStart } from '../../../src/machines/start-decision.ts';

const CREATED: ContainerState = {
  status: 'created',
  pid: 0,
  exitCode: 0,
  oomKilled: false,
  error: '',
  startedAt: undefined,
  finishedAt: undefined,
};
const EXITED: ContainerState = { ...CREATED, status: 'exited', startedAt: 5, finishedAt: 9 };
const PLAIN = { machineEpoch: 'e1', bootedAt: undefined, process: undefined, network: undefined };

function found(state: ContainerState): Found & { readonly is: 'ours' } {
  const facts = { id: 'c1', labels: {}, imageId: 'i', stopSignal: undefined, isTty: false };
  return { is: 'ours', facts: { ...facts, env: {}, workDir: '/', networks: {}, state } };
}

function claim(of: Partial<Claim> = {}): Claim {
  return { dir: 'whole', fate: 'launch', maker: 'idle', notes: [], ...of };
}

describe('what is done about a run of a container', () => {
  const ours = found(CREATED);
  const running = found({ ...CREATED, status: 'running', pid: 7, startedAt: 5 });
  const begun = { notes: [begunNote('c1')] };

  it.each<[string, Found, Claim, string, string]>([
    [
      'nothing of it is there',
      { is: 'absent' },
      claim({ fate: 'none', maker: 'none' }),
      'launch',
      'recordLost',
    ],
    ['its maker came to no create', { is: 'absent' }, claim(), 'launch', 'recordLost'],
    ['its maker is at it', { is: 'absent' }, claim({ maker: 'busy' }), 'wait', 'wait'],
    ['nobody can tell of its maker', ours, claim({ maker: 'unknown' }), 'wait', 'wait'],
    [
      'it was aborted',
      { is: 'absent' },
      claim({ fate: 'abort', maker: 'none' }),
      'recordAborted',
      'recordLost',
    ],
    ['it was created', ours, claim(), 'launch', 'recordLost'],
    ['its start may not have arrived', ours, claim(begun), 'launch', 'recordLost'],
    [
      'it was begun as another one',
      ours,
      claim({ notes: [begunNote('c0')] }),
      'recordLost',
      'recordLost',
    ],
    ['it was begun and is gone', { is: 'absent' }, claim(begun), 'recordLost', 'recordLost'],
    ['it runs', running, claim({ maker: 'busy' }), 'adopt', 'adopt'],
    ['it is paused', found({ ...EXITED, status: 'paused' }), claim(), 'adopt', 'adopt'],
    ['it has ended', found(EXITED), claim(), 'recordExit', 'recordExit'],
    [
      'nobody knows how it ended',
      found({ ...EXITED, finishedAt: undefined }),
      claim(),
      'recordLost',
      'recordLost',
    ],
  ])('when %s', (_what, at, of, starting, started) => {
    const { evidence } = sightOf(at, of, PLAIN);
    expect([decideStart('starting', evidence).act, decideStart('started', evidence).act]).toEqual([
      starting,
      started,
    ]);
  });
});

describe('how a container ended', () => {
  const end = (state: Partial<ContainerState>, notes: readonly string[] = []) =>
    outcomeOf(found({ ...EXITED, ...state }).facts, { notes }, PLAIN);

  it.each<[string, Partial<ContainerState>, readonly string[], object]>([
    ['by itself', { exitCode: 3 }, [], { exitCode: 3, signal: null }],
    ['with a code like a signal', { exitCode: 143 }, [], { exitCode: 143, signal: null }],
    [
      'by a signal of ours',
      { exitCode: 143 },
      [signalNote('SIGTERM')],
      { exitCode: null, signal: 'SIGTERM' },
    ],
    [
      'by another than ours',
      { exitCode: 137 },
      [signalNote('SIGTERM')],
      { exitCode: 137, signal: null },
    ],
    [
      'without memory',
      { exitCode: 137, oomKilled: true },
      [],
      { exitCode: null, signal: 'SIGKILL' },
    ],
  ])('%s', (_how, state, notes, exit) => {
    expect(end(state, notes)).toMatchObject({ kind: 'exited', exit });
  });

  it('is not known of one that was running when its machine went down', () => {
    const { facts } = found(EXITED);
    expect(outcomeOf(facts, { notes: [] }, { bootedAt: 8 })).toMatchObject({
      kind: 'lost',
      maybeRan: true,
    });
    expect(outcomeOf(facts, { notes: [] }, { bootedAt: 10 })).toMatchObject({ kind: 'exited' });
  });
});
