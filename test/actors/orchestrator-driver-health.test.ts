/** Drivers that cannot work, for a while: who is refused, who waits, and what goes on. */
import { describe, expect, it } from 'vitest';
import { docker } from '../../src/drivers/docker/docker.ts';
import type { DriverAgent } from '../../src/drivers/driver-agent.ts';
import type { Driver, Fingerprint } from '../../src/drivers/driver.ts';
import { mockDriver } from '../../src/testing/index.ts';
import { eventually, MockAgent } from './mock-agent.ts';

const HEALTHY: Fingerprint = { health: 'healthy', message: 'Healthy', attributes: {} };
const AWAY: Fingerprint = { health: 'unhealthy', message: 'the engine is away', attributes: {} };

/** A driver whose health is said from outside. */
class Patient {
  readonly driver: Driver;
  readonly calls: string[] = [];
  agent: DriverAgent | undefined;
  print: Fingerprint;
  attachError: Error | undefined;

  constructor(agent: MockAgent, print: Fingerprint = HEALTHY, more: Partial<Driver> = {}) {
    this.print = print;
    this.driver = {
      ...mockDriver(agent.world),
      attach: (known) => {
        this.calls.push('attach');
        this.agent = known;
        if (this.attachError !== undefined) throw this.attachError;
        return { close: async () => void this.calls.push('close') };
      },
      fingerprint: async () => {
        this.calls.push('fingerprint');
        return this.print;
      },
      ...more,
    };
  }

  become(print: Fingerprint): void {
    this.print = print;
    this.agent?.changed();
  }
}

async function prints(agent: MockAgent): Promise<readonly unknown[]> {
  const events = (await agent.events()).filter(({ type }) => type === 'DriverFingerprinted');
  return events.map(({ data }) => (data as Fingerprint).health);
}

describe('a driver that cannot work', () => {
  it('refuses new groups until it can, and each change is recorded once', async () => {
    const agent = new MockAgent();
    const patient = new Patient(agent, AWAY);
    await agent.open({ drivers: [patient.driver] });
    await expect(agent.start('web')).rejects.toMatchObject({
      code: 'DRIVER_UNHEALTHY',
      message: 'driver mock: the engine is away',
    });
    patient.become(AWAY);
    patient.become(HEALTHY);
    await eventually(async () => expect(await prints(agent)).toEqual(['unhealthy', 'healthy']));
    await agent.start('web');
    await agent.until('web', 'running');
    patient.become({ ...HEALTHY, attributes: { 'driver.mock.version': '2' } });
    await eventually(async () => {
      expect(await prints(agent)).toEqual(['unhealthy', 'healthy', 'healthy']);
    });
  });

  it('leaves what runs alone, and holds up the next start until it can', async () => {
    const agent = new MockAgent();
    const patient = new Patient(agent);
    const orchestrator = await agent.open({ drivers: [patient.driver] });
    await agent.start('web');
    await agent.until('web', 'running');
    patient.become(AWAY);
    await eventually(async () => expect(await prints(agent)).toEqual(['healthy', 'unhealthy']));
    expect(await agent.view('web')).toMatchObject({ state: 'running', run: 1 });
    await orchestrator.restart('web');
    await agent.until('web', 'prestart');
    const text = 'a start waits for driver mock: the engine is away';
    await eventually(async () => {
      const [chain] = await orchestrator.why('web');
      expect(chain?.causes.map(({ type }) => type)).toEqual([
        'DriverMessage',
        'DriverFingerprinted',
      ]);
      expect(chain?.causes[0]?.text).toContain(text);
    });
    expect((await orchestrator.agent()).drivers).toEqual([
      { driver: 'mock', health: 'unhealthy', message: 'the engine is away' },
    ]);
    expect(agent.world.runs('web')).toHaveLength(1);
    patient.become(HEALTHY);
    await eventually(async () => {
      expect(await agent.view('web')).toMatchObject({ state: 'running', run: 2 });
    });
  });

  it('lets a task that waits for it be stopped', async () => {
    const agent = new MockAgent();
    const patient = new Patient(agent);
    const orchestrator = await agent.open({ drivers: [patient.driver] });
    await agent.start('web');
    await agent.until('web', 'running');
    patient.become(AWAY);
    await eventually(async () => expect(await prints(agent)).toEqual(['healthy', 'unhealthy']));
    await orchestrator.restart('web');
    await agent.until('web', 'prestart');
    await orchestrator.stop('web');
    expect(await agent.view('web')).toMatchObject({ state: 'stopped', run: 1 });
  });

  it('is waited for by tasks of an agent before, in the next one', async () => {
    const agent = new MockAgent();
    const first = new Patient(agent);
    await agent.open({ drivers: [first.driver] });
    first.become(AWAY);
    await eventually(async () => expect(await prints(agent)).toEqual(['healthy', 'unhealthy']));
    const later = new Patient(agent, AWAY);
    await agent.reopen({ drivers: [new Patient(agent).driver] });
    await agent.start('web', { runFor: '1m' });
    await agent.until('web', 'running');
    await agent.leave();
    await agent.clock.advance('2m');
    await agent.open({ drivers: [later.driver] });
    await agent.clock.advance('1m');
    expect(await agent.view('web')).toMatchObject({ state: 'prestart', run: 1 });
    later.become(HEALTHY);
    await eventually(async () => {
      expect(await agent.view('web')).toMatchObject({ state: 'running', run: 2 });
    });
  });
});

describe('a driver whose first answer takes its time', () => {
  it('holds up no opening, and its tasks start when it has answered', async () => {
    const agent = new MockAgent();
    const answer = Promise.withResolvers<Fingerprint>();
    const patient = new Patient(agent, HEALTHY, {
      firstPrint: 'later',
      fingerprint: () => answer.promise,
    });
    const orchestrator = await agent.open({ drivers: [patient.driver] });
    expect((await orchestrator.agent()).drivers).toMatchObject([{ health: 'undetected' }]);
    await agent.start('web');
    await agent.until('web', 'prestart');
    answer.resolve(HEALTHY);
    await agent.until('web', 'running');
  });

  it('is docker, whose engine may hang', async () => {
    const agent = new MockAgent();
    let calls = 0;
    const hanging = docker({ endpoint: 'unix:///dev/null' }, () => {
      calls += 1;
      return new Promise(() => undefined);
    });
    const orchestrator = await agent.open({ drivers: [hanging] });
    expect(calls).toBe(1);
    expect((await orchestrator.agent()).drivers).toEqual([
      { driver: 'docker', health: 'undetected', message: '' },
    ]);
  });
});

describe('a driver and the agent it works for', () => {
  it('is attached before it is asked, and let go when the agent closes', async () => {
    const agent = new MockAgent();
    const patient = new Patient(agent);
    const orchestrator = await agent.open({ drivers: [patient.driver] });
    const { instanceId, dataDir } = await orchestrator.agent();
    expect(patient.agent).toMatchObject({ instanceId, stateDir: `${dataDir}/state` });
    await patient.agent?.recovered;
    await agent.leave();
    expect(patient.calls).toEqual(['attach', 'fingerprint', 'close']);
  });

  it('is attached again before the next look when that failed', async () => {
    const agent = new MockAgent();
    const patient = new Patient(agent);
    patient.attachError = new Error('no socket');
    const orchestrator = await agent.open({ drivers: [patient.driver] });
    expect((await orchestrator.agent()).drivers).toMatchObject([{ message: 'no socket' }]);
    patient.attachError = undefined;
    patient.agent?.changed();
    await eventually(async () => expect(await prints(agent)).toEqual(['unhealthy', 'healthy']));
    expect(patient.calls).toEqual(['attach', 'attach', 'fingerprint']);
  });

  it('is told which runs are known: the newest of tasks that are not over', async () => {
    const agent = new MockAgent();
    const patient = new Patient(agent);
    const orchestrator = await agent.open({ drivers: [patient.driver] });
    const allocId = await agent.start('web');
    await agent.until('web', 'running');
    const keyOf = async (run: number): Promise<string> => {
      const events = await agent.events('web');
      const begun = events.find((event) => event.type === 'RunStarting' && event.run === run);
      const { launchKey = '' } = (begun?.data ?? {}) as { launchKey?: string };
      return launchKey;
    };
    const first = await keyOf(1);
    const isKnown = (key: string, task?: string): boolean | undefined =>
      patient.agent?.isKnown(key, task === undefined ? undefined : { allocId, task });
    expect([isKnown(first), isKnown(first, 'web'), isKnown(first, 'other')]).toEqual([
      true,
      true,
      false,
    ]);
    await orchestrator.restart('web');
    await eventually(async () => {
      expect(await agent.view('web')).toMatchObject({ state: 'running', run: 2 });
    });
    const second = await keyOf(2);
    expect([isKnown(first), isKnown(first, 'web')]).toEqual([false, false]);
    expect([isKnown(second), isKnown(second, 'web')]).toEqual([true, true]);
    await orchestrator.stop('web');
    expect([isKnown(second), isKnown(second, 'web')]).toEqual([false, false]);
  });

  it('has things counted, with their labels', async () => {
    const agent = new MockAgent();
    const patient = new Patient(agent);
    const orchestrator = await agent.open({ drivers: [patient.driver] });
    patient.agent?.count('pulls_total', { task: 'web', group: 'shop' });
    patient.agent?.count('pulls_total', { group: 'shop', task: 'web' });
    patient.agent?.count('pulled_bytes_total', {}, 512);
    patient.agent?.count('no name', {});
    expect(await orchestrator.counts()).toEqual([
      { metric: 'pulled_bytes_total', labels: {}, value: 512 },
      { metric: 'pulls_total', labels: { group: 'shop', task: 'web' }, value: 2 },
      { metric: 'holdfast_counts_omitted_total', labels: {}, value: 1 },
    ]);
  });
});
