import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { underClaim } from '../../src/rpc/host-claim.ts';

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'claim-'));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

test('the work of those who claim one kind is done one after the other, also when one fails', async () => {
  const order: string[] = [];
  const work = (name: string) => async (): Promise<void> => {
    order.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    order.push(`${name} ends`);
    if (name === 'b') throw new Error('b has failed');
  };
  const names = ['a', 'b', 'c'];
  const claims = names.map((name) => underClaim(stateDir, 'logmon', work(name)));
  const ends = await Promise.allSettled(claims);
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  const pairs = [0, 2, 4].map((at) => order.slice(at, at + 2).join());
  expect(pairs.toSorted()).toEqual(names.map((name) => `${name} begins,${name} ends`));
});

test('claims of two kinds have nothing to do with each other', async () => {
  const inner = underClaim(stateDir, 'logmon', () => {
    return underClaim(stateDir, 'executor', () => Promise.resolve('both'));
  });
  expect(await inner).toBe('both');
});
