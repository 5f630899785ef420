/** Somebody removed the lock of an agent that lives: another one opens the store while the first goes on writing. */
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import * as instanceFile from '../../src/actors/instance-file.ts';
import { NODE_STREAM } from '../../src/events/envelope.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openSqliteEventLog } from '../../src/log/sqlite-event-log.ts';
import { MockAgent } from './mock-agent.ts';

vi.mock('../../src/actors/instance-file.ts', { spy: true });

it('an agent whose store was written to while it opened opens it once more', async () => {
  const agent = new MockAgent();
  const { dataDir } = await (await agent.open()).agent();
  await agent.start('web');
  await agent.until('web', 'running');
  await agent.leave();
  const first = openSqliteEventLog({ path: join(dataDir, 'state', 'store', 'log.db') });
  const fact = { type: 'SubscriberFailed', run: 0, at: 1, data: { message: 'x' } };
  const write = (log: EventLog) =>
    log.append(NODE_STREAM, log.versionOf(NODE_STREAM), [fact] as never);
  first.setMeta('agentEpoch', first.getMeta('agentEpoch') ?? '');
  await write(first);
  const { head } = first;
  // Between the replay and the new epoch of the one that opens.
  const lagging = openSqliteEventLog({ path: join(dataDir, 'state', 'store', 'log.db') });
  await write(first);
  expect(() => lagging.setMeta('agentEpoch', '90')).toThrow(
    expect.objectContaining({ code: 'STORE_FAILED', retryable: true }),
  );
  await lagging.close();
  await expect(write(first)).rejects.toMatchObject({ code: 'EPOCH_STALE' });
  await first.close();

  const { takeInstance } = await vi.importActual<typeof instanceFile>(
    '../../src/actors/instance-file.ts',
  );
  vi.mocked(instanceFile.takeInstance).mockImplementationOnce((stateDir, log) => {
    const other = openSqliteEventLog({ path: join(stateDir, 'store', 'log.db') });
    void write(other);
    // What waits is written.
    void other.close();
    return takeInstance(stateDir, log);
  });
  const orchestrator = await agent.open();
  expect(instanceFile.takeInstance).toHaveBeenCalledTimes(3);
  expect((await orchestrator.agent()).head).toBeGreaterThan(head + 2);
  expect(await agent.until('web', 'running')).toMatchObject({ run: 1 });
});
