import { describe, expect, it } from 'vitest';
import { killOrder } from '../../src/machines/kill-order.ts';
import { taskSpec } from './stories.ts';

const proxy = taskSpec({ name: 'proxy', gate: 'prestart', isSidecar: true });
const lead = taskSpec({ name: 'lead', isLeader: true });
const web = taskSpec({ name: 'web' });
const seed = taskSpec({ name: 'seed', gate: 'prestart' });
const bye = taskSpec({ name: 'bye', gate: 'poststop' });

describe('the order in which tasks are ended', () => {
  it('is the leader, whoever has work of its own, then what ran beside it', () => {
    expect(killOrder([proxy, web, bye, lead, seed], { withPoststop: false })).toEqual([
      ['lead'],
      ['web', 'seed'],
      ['proxy'],
    ]);
  });

  it('takes those behind poststop with the second wave, when they are meant', () => {
    expect(killOrder([proxy, bye], { withPoststop: true })).toEqual([['bye'], ['proxy']]);
    expect(killOrder([bye], { withPoststop: false })).toEqual([]);
  });

  it('ends a sidecar that leads first', () => {
    const both = taskSpec({ name: 'both', isLeader: true, isSidecar: true });
    expect(killOrder([web, proxy, both], { withPoststop: false })).toEqual([
      ['both'],
      ['web'],
      ['proxy'],
    ]);
  });
});
