/** Every release that was ever kept: its data directory opens, and its hosts serve this agent. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AllocView, Orchestrator } from '../src/api.ts';
import { exec } from '../src/drivers/exec.ts';
import { rawExec } from '../src/drivers/raw-exec.ts';
import { openOrchestrator } from '../src/orchestrator.ts';
import { launchKey, markOf } from '../src/os/launch-key.ts';
import { makeFifo } from '../src/os/libc.ts';
import { EXECUTOR_PROTOCOL, executorMethods } from '../src/rpc/executor-methods.ts';
import { call } from '../src/rpc/framed-client.ts';
import { LOGMON_PROTOCOL } from '../src/rpc/logmon-methods.ts';
import { findHost } from '../src/rpc/spawn-host.ts';
import { COUNTING, digestOf, faultInCount, pidsOf, until } from './acceptance/rig.ts';

const PROTOCOLS = { executor: EXECUTOR_PROTOCOL, logmon: LOGMON_PROTOCOL };
const RELEASES = new URL('./fixtures/releases/', import.meta.url).pathname;

describe.each(readdirSync(RELEASES))('release %s', (name) => {
  const release = join(RELEASES, name);
  let dataDir: string;
  let hosts: ChildProcess[];

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'hf-'));
    hosts = [];
  });
  afterEach(() => {
    for (const host of hosts) host.kill('SIGKILL');
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Of each finished task what a user read of its output then; releases before 0.1.0-part4 kept nothing of it. */
  function said(): Readonly<Record<string, string>> {
    const path = join(release, 'logs.json');
    return existsSync(path)
      ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>)
      : {};
  }

  function protocolOf(hostId: string): number {
    const path = join(dataDir, 'state', 'hosts', hostId, 'address.json');
    return (JSON.parse(readFileSync(path, 'utf8')) as { protocol: number }).protocol;
  }

  function open(): Promise<Orchestrator> {
    return openOrchestrator({ dataDir, drivers: [rawExec(), exec()], onClose: 'leave' });
  }

  it('left a data directory that opens: what was over is as it was, what ran is lost', async () => {
    cpSync(join(release, 'data'), dataDir, { recursive: true });
    const before = JSON.parse(readFileSync(join(release, 'allocs.json'), 'utf8')) as AllocView[];
    const orchestrator = await open();
    expect(orchestrator.recovery).toMatchObject({ damage: null });
    expect(orchestrator.recovery.events).toBeGreaterThan(0);
    for (const view of before.filter(({ isLive }) => !isLive)) {
      expect(factsOf(await orchestrator.inspect(view.allocId))).toEqual(factsOf(view));
    }
    const live = before.filter(({ isLive }) => isLive);
    expect(orchestrator.recovery.tasks).toEqual(
      live.flatMap(({ alloc, allocId, tasks }) =>
        tasks.map(({ task }) => ({ alloc, allocId, task, outcome: 'lost' })),
      ),
    );
    for (const { allocId } of live) {
      expect(await orchestrator.stop(allocId)).toMatchObject({ state: 'stopped' });
    }
    for (const [ref, digest] of Object.entries(said())) {
      expect([ref, await digestOf(orchestrator, ref)]).toEqual([ref, digest]);
    }
    await orchestrator.close();
  });

  it('left hosts that serve this agent in what they know, and are given nothing new they do not', async () => {
    await (await open()).close();
    for (const kind of ['executor', 'logmon'] as const) startHost(kind);
    await until('both hosts have an address', () =>
      ['executor', 'logmon'].every((kind) =>
        existsSync(join(dataDir, 'state', 'hosts', `old-${kind}`, 'address.json')),
      ),
    );
    const older = (['executor', 'logmon'] as const).filter(
      (kind) => protocolOf(`old-${kind}`) < PROTOCOLS[kind],
    );
    const orphan = await launchOn('old-executor');
    let orchestrator = await open();
    await until(
      'the old host ended the run that nobody wants',
      () => !existsSync(`/proc/${orphan}`),
    );
    const task = { name: 'count', driver: 'raw_exec', config: COUNTING };
    const { allocId } = await orchestrator.run({ name: 'old', tasks: [task] });
    const pids = await until('it runs', () => pidsOf(orchestrator, allocId));
    await orchestrator.close();
    orchestrator = await open();
    expect(await pidsOf(orchestrator, allocId)).toEqual(pids);
    expect(orchestrator.recovery.tasks).toMatchObject([{ task: 'count', outcome: 'reattached' }]);
    expect(await orchestrator.stop(allocId)).toMatchObject({ state: 'stopped' });
    let text = '';
    for await (const { data } of orchestrator.logs(allocId)) text += new TextDecoder().decode(data);
    expect(text).not.toBe('');
    expect(faultInCount(text)).toBeUndefined();
    const started = [];
    const known: unknown[] = [];
    for await (const event of orchestrator.events({ until: 'head' })) {
      const { kind, pids } = event.data as { kind?: string; pids?: readonly number[] };
      if (event.type === 'HostStarted') started.push(kind);
      if (event.type === 'OrphanFound') known.push(pids);
    }
    // One that speaks as hosts do today is given new work too; an older one ended what it had.
    expect(new Set(started)).toEqual(new Set(older));
    expect(known).toEqual([[orphan]]);
    await orchestrator.close();
  });

  /** What an agent of that release would have started, had it not died before it could say so. */
  async function launchOn(hostId: string): Promise<number> {
    const stateDir = join(dataDir, 'state');
    const { instanceId } = JSON.parse(readFileSync(join(stateDir, 'instance.json'), 'utf8')) as {
      instanceId: string;
    };
    const request = { stateDir, kind: 'executor', hostId, instanceId, agentEpoch: 1 } as const;
    const { channel } = await findHost(request);
    for (const name of ['out', 'err']) makeFifo(join(stateDir, 'fifo', name));
    const key = launchKey('gone', 'task', 1, 'token');
    const { outcome } = await call(channel, executorMethods.launch, {
      agentEpoch: 1,
      launchKey: key,
      token: 'token',
      mark: markOf(instanceId, key),
      allocId: 'gone',
      task: 'task',
      run: 1,
      specHash: '',
      command: '/bin/sleep',
      args: ['1000'],
      env: {},
      cwd: '/',
      stdoutFifo: join(stateDir, 'fifo', 'out'),
      stderrFifo: join(stateDir, 'fifo', 'err'),
      confinement: undefined,
      collect: undefined,
    });
    channel.close();
    if (outcome?.$case !== 'started') throw new Error(JSON.stringify(outcome));
    return outcome.value.pid;
  }

  function startHost(kind: 'executor' | 'logmon'): void {
    const stateDir = join(dataDir, 'state');
    const hostDir = join(stateDir, 'hosts', `old-${kind}`);
    mkdirSync(hostDir, { recursive: true, mode: 0o700 });
    const { instanceId } = JSON.parse(readFileSync(join(stateDir, 'instance.json'), 'utf8')) as {
      instanceId: string;
    };
    const args = [
      join(release, 'hosts', `${kind}-host`, 'main.js'),
      `--state-dir=${stateDir}`,
      `--host-id=old-${kind}`,
      `--kind=${kind}`,
      `--instance-id=${instanceId}`,
    ];
    hosts.push(spawn(process.execPath, args, { stdio: 'ignore' }));
  }
});

/** What must never change in meaning; sentences and new fields may. */
function factsOf(view: AllocView): unknown {
  const { alloc, allocId, type, state, isLive, specHash, createdAt } = view;
  const tasks = view.tasks.map(({ task, driver, state: own, run, restarts, exitCode, signal }) => {
    return { task, driver, state: own, run, restarts, exitCode, signal };
  });
  return { alloc, allocId, type, state, isLive, specHash, createdAt, tasks };
}
