/** What a group is run with: handed to the tasks that ask for it, kept beside the log, refused where it makes no sense. */
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RunOptions } from '../../src/api.ts';
import { eventually, MockAgent } from './mock-agent.ts';

const CANARY = 'canary-of-a-payload';
const group = (dispatchPayload?: { file: string }) => ({
  name: 'web',
  tasks: [
    { name: 'web', driver: 'mock', ...(dispatchPayload && { dispatchPayload }) },
    { name: 'other', driver: 'mock' },
  ],
});
const ASKING = group({ file: 'in/order.json' });

async function setUp() {
  const agent = new MockAgent();
  const { dataDir } = await (await agent.open()).agent();
  const fileOf = (allocId: string): string =>
    join(dataDir, 'allocs', allocId, 'web', 'local', 'in', 'order.json');
  const specOf = (allocId: string): string => join(dataDir, 'state', 'specs', `${allocId}.json`);
  const run = async (spec: object, options: RunOptions): Promise<string> =>
    (await agent.orchestrator.run(spec as typeof ASKING, options)).allocId;
  return { agent, dataDir, fileOf, specOf, run };
}

describe('the payload of a group', () => {
  it('is in the file of the task that asks for it, byte for byte, and in no log', async () => {
    const { agent, dataDir, fileOf, specOf, run } = await setUp();
    const payload = Buffer.from([0, 255, 10, ...Buffer.from(CANARY)]);
    const allocId = await run(ASKING, { payload });
    await agent.until('web', 'running');
    expect(readFileSync(fileOf(allocId))).toEqual(payload);
    expect(statSync(fileOf(allocId)).mode & 0o777).toBe(0o600);
    expect(statSync(specOf(allocId)).mode & 0o777).toBe(0o600);
    const store = join(dataDir, 'state', 'store');
    const inStore = readdirSync(store, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
    for (const bytes of inStore) {
      expect(bytes.includes(CANARY) || bytes.includes(payload.toString('base64'))).toBe(false);
    }
    expect(JSON.stringify(await agent.events())).not.toContain(payload.toString('base64'));
    await agent.orchestrator.stop('web');
    expect(statSync(specOf(allocId), { throwIfNoEntry: false })).toBeUndefined();
  });

  it('is written once, and is there for another agent that begins anew', async () => {
    const { agent, fileOf, run } = await setUp();
    const allocId = await run(ASKING, { payload: Buffer.from(CANARY) });
    await agent.until('web', 'running');
    rmSync(fileOf(allocId));
    await agent.reopen();
    await agent.orchestrator.restart('web');
    await eventually(() => expect(agent.world.runs('web')).toHaveLength(2));
    expect(statSync(fileOf(allocId), { throwIfNoEntry: false })).toBeUndefined();
    await agent.until('web', 'running');
    await agent.orchestrator.restart('web', { tasks: 'all' });
    await eventually(() => expect(agent.world.runs('web')).toHaveLength(3));
    expect(readFileSync(fileOf(allocId), 'utf8')).toBe(CANARY);
  });

  it('may be empty, which is not the same as none', async () => {
    const { agent, fileOf, run } = await setUp();
    const allocId = await run(ASKING, { payload: new Uint8Array() });
    await agent.until('web', 'running');
    expect(readFileSync(fileOf(allocId), 'utf8')).toBe('');
  });

  it.each<[object, RunOptions, string]>([
    [ASKING, {}, 'task web of group web asks for a payload: run it with one'],
    [group(), { payload: new Uint8Array(1) }, 'no task of group web asks for a payload'],
    [ASKING, { payload: new Uint8Array(16_385) }, 'a payload has at most 16384 bytes'],
    [ASKING, { payload: 'text' as never }, 'payload must be bytes'],
  ])('is refused as USAGE: %#', async (spec, options, text) => {
    const { agent, run } = await setUp();
    await expect(run(spec, options)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(text),
    });
    expect(await agent.orchestrator.allocs({ all: true })).toEqual([]);
  });

  it('goes nowhere but below the local directory', async () => {
    const { run } = await setUp();
    for (const file of ['../x', '/x', 'a//b', '']) {
      const refused = run(group({ file }), { payload: new Uint8Array(1) });
      await expect(refused).rejects.toMatchObject({ code: 'SPEC_INVALID' });
    }
  });
});
