import { beforeEach, describe, expect, it } from 'vitest';
import { WaitingOutput } from '../../src/actors/waiting-output.ts';

const WEB = { taskKey: 'k', sinceMs: Date.UTC(2026, 0, 2), reason: 'ENOSPC' };
let told: string[] = [];
let output: WaitingOutput;

beforeEach(() => {
  told = [];
  const record = (_type: string, { child, message }: { child: string; message: string }): void =>
    void told.push(`${child}: ${message}`);
  const logger = { warn: () => undefined, error: () => undefined };
  output = new WaitingOutput({ record, logger } as never);
});
const heard = (hostId: string, ...waiting: (typeof WEB)[]): void =>
  output.heard(hostId, waiting, (key) => `alloc/${key}`);

describe('output that waits for its disk', () => {
  it('is told once for as long as it waits, with the reason, and once when it is written again', () => {
    for (let times = 0; times < 3; times += 1) heard('one', WEB);
    expect(told).toEqual([
      'output of alloc/k: it waits since 2026-01-02T00:00:00.000Z because it cannot be written (ENOSPC); ' +
        'its program stands still as soon as a pipe is full',
    ]);
    expect(output.current).toEqual([
      { task: 'alloc/k', since: '2026-01-02T00:00:00.000Z', reason: 'ENOSPC' },
    ]);
    heard('one');
    heard('one');
    expect(output.current).toEqual([]);
    expect(told.slice(1)).toEqual([
      'output of alloc/k: it is written again: it waited since 2026-01-02T00:00:00.000Z',
    ]);
    heard('one', WEB);
    expect(told).toHaveLength(3);
  });

  it('goes on waiting when another host collects it, and is none of the business of others', () => {
    heard('one', WEB);
    heard('two');
    output.moved(['k'], 'three');
    heard('one');
    heard('three', WEB);
    expect(told).toHaveLength(1);
    heard('three');
    expect(told).toHaveLength(2);
  });
});
