/** What runs use, measured by a real host on real processes. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { executorMethods as service } from '../../src/rpc/executor-methods.ts';
import { follow } from '../../src/rpc/framed-client.ts';
import type {
  StatsRequest,
  StatsResponse,
} from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';
import type { Host } from '../../src/rpc/spawn-host.ts';
import { kill, Rig, until } from './host-rig.ts';

let rig: Rig;
let host: Host;

beforeEach(async () => {
  rig = new Rig();
  host = await rig.host('stats');
});
afterEach(() => rig.end());

function stats(
  launchKeys: readonly string[],
  changes: Partial<StatsRequest> = {},
  signal?: AbortSignal,
): AsyncGenerator<StatsResponse> {
  const request = { agentEpoch: 1, intervalMs: 100, withProcesses: false, ...changes };
  return follow(
    host.channel,
    service.stats,
    { ...request, launchKeys: [...launchKeys] },
    { signal },
  );
}

/** The samples up to the first that is enough. */
async function samplesUntil(
  samples: AsyncIterable<StatsResponse>,
  isEnough: (sample: StatsResponse, count: number) => boolean,
): Promise<StatsResponse[]> {
  const all: StatsResponse[] = [];
  for await (const sample of samples) {
    all.push(sample);
    if (isEnough(sample, all.length)) return all;
  }
  throw new Error('the samples ended');
}

const BUSY = 'while :; do :; done';
const TREE = `sleep 1000 & setsid sleep 1000 & echo up; wait`;

test('time that a program and its ended children took is told, and grows', async () => {
  const request = rig.request(`(for i in 1 2 3 4 5 6 7 8; do sh -c ':'; done); ${BUSY}`);
  await rig.started(host, request);
  const enough = ({ runs }: StatsResponse): boolean => (runs[0]?.cpu?.totalNs ?? 0) > 3e8;
  const seen = await samplesUntil(stats([request.launchKey]), enough);
  const totals = seen.map(({ runs }) => runs[0]?.cpu?.totalNs ?? -1);
  expect(totals).toEqual(totals.toSorted((left, right) => left - right));
  const times = seen.map(({ monotonicMs }) => monotonicMs);
  expect(new Set(times).size).toBe(times.length);
  const { cpu, memory, processes, threads, eachProcess } = seen.at(-1)?.runs[0] ?? {};
  expect(cpu?.totalNs).toBeLessThanOrEqual((cpu?.userNs ?? 0) + (cpu?.systemNs ?? 0) + 1e7);
  expect(memory?.rssBytes).toBeGreaterThan(100_000);
  expect([processes, threads, eachProcess]).toEqual([1, 1, []]);
});

test('every process of the run is listed when asked for, whatever session it is in', async () => {
  const request = rig.request(TREE);
  const { pid } = await rig.started(host, request);
  await rig.output((text) => text.includes('up'));
  const commands = ({ runs }: StatsResponse): string =>
    (runs[0]?.eachProcess ?? [])
      .map(({ command }) => command)
      .toSorted()
      .join(' ');
  const asked = stats([request.launchKey], { withProcesses: true });
  // Each is a shell first, and a shell's child before it is executed.
  const samples = await samplesUntil(asked, (sample) => commands(sample) === 'sh sleep sleep');
  const [run] = samples.at(-1)?.runs ?? [];
  expect(run?.eachProcess.map((one) => one.pid)).toContain(pid);
  const total = run?.eachProcess.reduce((sum, { rssBytes }) => sum + rssBytes, 0);
  expect(run?.memory?.rssBytes).toBe(total);
  for (const one of run?.eachProcess ?? []) kill(one.pid);
});

test('what was written to a disk is told', async () => {
  const file = `${rig.stateDir}/written`;
  const request = rig.request(
    `dd if=/dev/zero of=${file} bs=65536 count=4 conv=fsync 2>/dev/null; echo up; sleep 1000`,
  );
  await rig.started(host, request);
  await rig.output((text) => text.includes('up'));
  const [sample] = await samplesUntil(stats([request.launchKey]), () => true);
  // A directory in memory has no disk to write to.
  const isOnDisk = !/^\S+ \/tmp tmpfs /m.test(readFileSync('/proc/self/mounts', 'utf8'));
  expect(sample?.runs[0]?.writeBytes).toBeGreaterThanOrEqual(isOnDisk ? 262_144 : 0);
});

test('a caller who asks every 100 ms has many samples while one who asks every 2 s has three', async () => {
  const request = rig.request('exec sleep 1000');
  await rig.started(host, request);
  const left = new AbortController();
  let fine = 0;
  const counting = (async () => {
    for await (const _ of stats([request.launchKey], { intervalMs: 100 }, left.signal)) fine += 1;
  })();
  await samplesUntil(stats([request.launchKey], { intervalMs: 2_000 }), (_, count) => count === 3);
  left.abort();
  await counting;
  expect(fine).toBeGreaterThan(10);
});

test('of a run that has ended, and of one that nobody knows, there is nothing', async () => {
  const request = rig.request('exec sleep 1000');
  const { pid } = await rig.started(host, request);
  const keys = ['unknownkeyaaaaaaaaaa', request.launchKey];
  const samples = stats(keys)[Symbol.asyncIterator]();
  const { value } = await samples.next();
  expect((value as StatsResponse).runs.map(({ launchKey }) => launchKey)).toEqual([keys[1]]);
  kill(pid);
  const none = ({ runs, unchanged }: StatsResponse): boolean =>
    runs.length + unchanged.length === 0;
  await samplesUntil({ [Symbol.asyncIterator]: () => samples }, none);
});

test('while nobody asks the host reads nothing', async () => {
  const request = rig.request('exec sleep 1000');
  await rig.started(host, request);
  await samplesUntil(stats([request.launchKey]), (_, count) => count === 3);
  const reads = (): string =>
    /syscr: (\d+)/.exec(readFileSync(`/proc/${host.address.pid}/io`, 'utf8'))?.[1] ?? '';
  let before = reads();
  await until(() => {
    const now = reads();
    const isQuiet = now === before;
    before = now;
    return isQuiet;
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(Number(reads()) - Number(before)).toBeLessThan(5);
});
