import { expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';
import { GROUP, httpRig } from './http-rig.ts';

/** HOLDFAST_HTTP_REQUESTS=60000 for the whole of it. */
const COUNT = Number(process.env['HOLDFAST_HTTP_REQUESTS'] ?? 1_500);
const SEED = Number(process.env['HOLDFAST_HTTP_SEED'] ?? 1);

it(
  'nonsense is answered with a status and a code of ours, and changes nothing else',
  { timeout: 3_600_000 },
  async () => {
    await using rig = await httpRig();
    await rig.call('POST /v1/allocs', { body: { spec: GROUP } });
    const { statuses, wrong } = await fuzz(rig, COUNT, SEED);
    expect(wrong).toEqual([]);
    const total = Object.values(statuses).reduce((sum, count) => sum + count, 0);
    expect(total).toBe(COUNT);
    // Every kind of refusal was met, and good requests were among them.
    expect(Object.keys(statuses)).toEqual(
      expect.arrayContaining(['200', '204', '400', '401', '403', '404', '405', '415', '426']),
    );
    const { status } = await rig.call('GET /v1/allocs');
    expect(status).toBe(200);
  },
);
