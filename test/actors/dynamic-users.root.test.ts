/** A task with a user of its own: a real program under a number that nobody else has. Needs root. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Orchestrator } from '../../src/api.ts';
import { openOrchestrator, rawExec } from '../../src/index.ts';
import { pidsOf, until } from '../acceptance/rig.ts';

const isRoot = process.geteuid?.() === 0;
const uidOf = (pid: number): number => statSync(`/proc/${pid}`).uid;

describe.skipIf(!isRoot)('a task with a user of its own (only root can give one)', () => {
  it('keeps it over a restart and a change of agents', { timeout: 120_000 }, async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'hf-users-'));
    // Somebody else has to pass.
    chmodSync(dataDir, 0o711);
    const open = (): Promise<Orchestrator> => openOrchestrator({ dataDir, drivers: [rawExec()] });
    let agent = await open();
    onTestFinished(async () => {
      await agent.close({ tasks: 'stop' });
      rmSync(dataDir, { recursive: true, force: true });
    });
    const config = { command: 'sh', args: ['-c', 'echo x > local/own; exec sleep 100000'] };
    const task = { driver: 'raw_exec', config, dynamicUser: true };
    const tasks = [
      { ...task, name: 'one' },
      { ...task, name: 'two' },
    ];
    const { allocId } = await agent.run({ name: 'web', tasks });
    const runs = (what: string) => until(what, () => pidsOf(agent, 'web'));
    const first = (await runs('both run')).map(uidOf);
    expect(new Set(first).size).toBe(2);
    for (const uid of first) expect(uid >= 80_000 && uid <= 89_999).toBe(true);
    const own = join(dataDir, 'allocs', allocId, 'one');
    await until('it has written', () =>
      statSync(join(own, 'local/own'), { throwIfNoEntry: false }),
    );
    expect(statSync(join(own, 'local/own')).uid).toBe(first[0]);
    await agent.close({ tasks: 'leave' });
    agent = await open();
    await agent.restart('web');
    await until('both run again', async () => {
      const { tasks: views } = await agent.inspect('web');
      return views.every(({ run, state }) => run === 2 && state === 'running');
    });
    const again = await runs('both run again');
    expect(again.map(uidOf)).toEqual(first);
    expect(readFileSync(`/proc/${again[0]}/status`, 'utf8')).toMatch(/CapEff:\s0+\n/);
    await agent.stop('web');
    expect(statSync(own)).toMatchObject({ uid: 0 });
    expect(statSync(own).mode & 0o777).toBe(0o700);
  });
});
