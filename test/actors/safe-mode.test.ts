import { describe, expect, it } from 'vitest';
import { crashedStarts } from '../../src/actors/safe-mode.ts';
import { NODE_STREAM } from '../../src/events/envelope.ts';
import type { NodeEvent } from '../../src/events/node-event.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openMemoryEventLog } from '../../src/log/memory-event-log.ts';

const T = 1_000_000;

function started(steadyAt: number): NodeEvent {
  const names = { version: '0', machineEpoch: 'boot', instanceId: 'i' };
  const data = { agentEpoch: 1, pid: 1, ...names, steadyAt };
  return { type: 'AgentStarted', run: 0, at: 0, data };
}
const stopping: NodeEvent = { type: 'AgentStopping', run: 0, at: 0, data: { tasks: 'leave' } };

async function logOf(...events: readonly NodeEvent[]): Promise<EventLog> {
  const log = openMemoryEventLog();
  await log.append(NODE_STREAM, 0, events);
  return log;
}

describe('agents that died', () => {
  it('are counted by their starts that no orderly end followed', async () => {
    const log = await logOf(started(T), started(T + 1), stopping, started(T + 2), started(T + 3));
    expect(crashedStarts(log, T)).toBe(3);
  });

  it('are forgotten after a while', async () => {
    const log = await logOf(started(T - 2), started(T - 1), started(T + 1));
    expect(crashedStarts(log, T)).toBe(1);
  });

  it('are none in a new log, and none where each was closed in order', async () => {
    expect(crashedStarts(openMemoryEventLog(), T)).toBe(0);
    expect(crashedStarts(await logOf(started(T), stopping, started(T), stopping), T)).toBe(0);
  });
});
