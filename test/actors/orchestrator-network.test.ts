/** Ports over the life of an agent: who has which, what tasks are told, and what the next agent knows. */
import { describe, expect, it } from 'vitest';
import type { PortView, PublicEvent } from '../../src/api.ts';
import { DYNAMIC_PORTS } from '../../src/spec/port-range.ts';
import { MockAgent } from './mock-agent.ts';

const network = { hostIp: '192.0.2.5' };

describe('the ports of a group', () => {
  it('are recorded with it, told to its tasks and shown', async () => {
    const agent = new MockAgent();
    await agent.open({ network });
    const ports = { 'my-http': { static: 23_456 }, any: {} };
    const env = { URL: 'http://${ADDR_my-http}' };
    await agent.start('web', {}, { network: { ports } }, { env });
    await agent.until('web', 'running');
    const received = (await agent.events('web'))[0] as PublicEvent;
    const { ports: assigned } = received.data as { readonly ports: readonly PortView[] };
    const any = assigned[1]?.hostPort ?? 0;
    expect(assigned).toEqual([
      { label: 'my-http', hostIp: '192.0.2.5', hostPort: 23_456 },
      { label: 'any', hostIp: '192.0.2.5', hostPort: any },
    ]);
    expect(any).toBeGreaterThanOrEqual(DYNAMIC_PORTS.from);
    expect(any).toBeLessThanOrEqual(DYNAMIC_PORTS.to);
    expect(agent.world.runs('web').at(-1)?.env).toMatchObject({
      NOMAD_PORT_my_http: '23456',
      HOLDFAST_ADDR_any: `192.0.2.5:${any}`,
      URL: 'http://192.0.2.5:23456',
    });
    const shown = assigned.map((port) => ({ ...port, to: null }));
    expect((await agent.orchestrator.inspect('web')).ports).toEqual(shown);
  });

  it('are its own with the next agent too, and those of others when it has ended', async () => {
    const agent = new MockAgent();
    await agent.open({ network });
    const asks = { network: { ports: { http: { static: 23_457 } } } };
    const first = await agent.start('web', {}, asks);
    await agent.until('web', 'running');
    await agent.reopen({ network });
    await expect(agent.start('other', {}, asks)).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      details: { allocId: first },
    });
    expect(await agent.orchestrator.allocs({ all: true })).toHaveLength(1);
    await agent.orchestrator.stop('web');
    await agent.start('other', {}, asks);
    await agent.until('other', 'running');
  });

  it('are given once to those who ask for the same group side by side', async () => {
    const agent = new MockAgent();
    await agent.open({ network });
    const asks = { network: { ports: { http: { static: 23_458 } } } };
    const [one, same] = await Promise.all([
      agent.start('web', {}, asks),
      agent.start('web', {}, asks),
    ]);
    expect(same).toBe(one);
  });
});
