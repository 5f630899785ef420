import { expect, it } from 'vitest';
import { checkTable, serviceTable } from '../../src/cli/health.ts';

const PLACE = { alloc: 'shop', allocId: 'a1', task: 'api', run: 1 };

it('shows services with where they are, and nothing that drives a terminal', () => {
  const one = { ...PLACE, tags: ['a', 'b\u001B[2J'], meta: {}, isGroups: false };
  const rows = serviceTable([
    { ...one, service: 'web', address: '::1', port: 80, status: 'passing' },
    { ...one, service: 'all', address: '', port: null, tags: [], status: null },
  ]).split('\n');
  expect(rows).toEqual([
    'SERVICE  ADDRESS   STATUS   TASK      TAGS',
    'web      [::1]:80  passing  shop/api  a,b\\x1b[2J',
    'all      -         -        shop/api  -',
    '',
  ]);
});

it('shows checks with the first line of what they said', () => {
  const one = { ...PLACE, service: null, type: 'http' } as const;
  const since = '2026-11-22T18:00:00.000Z';
  const rows = checkTable([
    { ...one, check: 'alive', status: 'critical', since, output: 'no\nmore' },
    { ...one, check: 'ready', status: 'pending', since: null, output: '' },
  ]).split('\n');
  expect(rows).toEqual([
    'CHECK  STATUS    TASK      SERVICE  SINCE                     OUTPUT',
    `alive  critical  shop/api  -        ${since}  no`,
    'ready  pending   shop/api  -        -',
    '',
  ]);
});
