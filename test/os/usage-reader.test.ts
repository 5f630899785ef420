import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UsageReader } from '../../src/os/usage-reader.ts';

const KEY = 'abcdefghij2345672345';
const RUN = { key: KEY, mark: `i1:${KEY}`, program: { pid: 71, startTime: '500' } };

let root: string;
let reads: string[];
/** Of `/proc`; a cgroup tree is made of plain files, since its directories are listed. */
let files: Record<string, string>;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'usage-'));
  reads = [];
  files = {
    '/proc/self/mountinfo': `7 1 0:9 / ${root} rw - cgroup2 cgroup2 rw\n`,
    '/proc/71/cgroup': `0::/holdfast/i1/${KEY}\n`,
    '/proc/71/stat': stat(71, 3, 100),
    '/proc/72/stat': stat(72, 1, 50),
    '/proc/71/io': 'read_bytes: 1\nwrite_bytes: 2\ncancelled_write_bytes: 0\n',
    '/proc/72/io': 'read_bytes: 10\nwrite_bytes: 20\ncancelled_write_bytes: 5\n',
  };
  mkdirSync(join(root, 'holdfast/i1', KEY), { recursive: true });
  put('cgroup.procs', '71\n');
  put('cpu.stat', 'usage_usec 30\nuser_usec 20\nsystem_usec 10\n');
});
afterEach(() => rmSync(root, { recursive: true }));

function stat(pid: number, threads: number, pages: number): string {
  return `${pid} (a) S 1 71 71 0 -1 0 0 0 0 0 2 1 0 0 20 0 ${threads} 0 500 0 ${pages} 0\n`;
}

function put(name: string, text: string): void {
  const path = join(root, 'holdfast/i1', KEY, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  files[path] = text;
}

const reader = (): UsageReader =>
  new UsageReader((path) => {
    reads.push(path);
    return files[path];
  });

test('without controllers time is the cgroup’s, and the rest is summed over its members', () => {
  put('inner/cgroup.procs', '72\n');
  expect(reader().read([RUN], false, 0).get(KEY)).toMatchObject({
    cpu: { totalNs: 30_000, userNs: 20_000, systemNs: 10_000 },
    memory: { rssBytes: 150 * 4_096 },
    io: { readBytes: 11, writeBytes: 17 },
    processCount: 2,
    threadCount: 4,
    processes: [{ pid: 71 }, { pid: 72 }],
  });
});

test('where controllers count everything no process is looked at unless it is asked for', () => {
  put('cgroup.controllers', 'cpu io memory pids\n');
  for (const [name, text] of [
    ['memory.current', '9000\n'],
    ['memory.stat', 'anon 8000\nfile 1000\ninactive_file 500\n'],
    ['memory.max', 'max\n'],
    ['io.stat', ''],
    ['pids.current', '3\n'],
  ] as const) {
    put(name, text);
  }
  const usage = reader();
  expect(usage.read([RUN], false, 0).get(KEY)).toMatchObject({
    memory: { usageBytes: 9_000, rssBytes: 8_000, workingSetBytes: 8_500 },
    processCount: 1,
    threadCount: 3,
    processes: [],
  });
  expect(reads).not.toContain('/proc/71/stat');
  const [asked] = [...usage.read([RUN], true, 1_000).values()];
  expect(asked?.processes).toMatchObject([{ pid: 71, threads: 3 }]);
});

test('a run that did not run in between is not looked at again, until ten seconds have passed', () => {
  const usage = reader();
  usage.read([RUN], false, 0);
  reads = [];
  const first = usage.read([RUN], false, 1).get(KEY);
  reads = [];
  expect(usage.read([RUN], false, 9_999).get(KEY)).toBe(first);
  expect(first?.threadCount).toBe(3);
  expect(reads.map((path) => path.slice(path.lastIndexOf('/') + 1))).toEqual(['cpu.stat']);
  usage.read([RUN], false, 10_000);
  expect(reads).toContain('/proc/71/stat');
  reads = [];
  put('cpu.stat', 'usage_usec 31\nuser_usec 21\nsystem_usec 10\n');
  files['/proc/71/stat'] = stat(71, 5, 100);
  expect(usage.read([RUN], false, 10_001).get(KEY)?.threadCount).toBe(5);
});

test('a cgroup that the program joins after it was looked at first is found', () => {
  files['/proc/71/cgroup'] = '0::/\n';
  const usage = reader();
  usage.read([RUN], false, 0);
  files['/proc/71/cgroup'] = `0::/holdfast/i1/${KEY}\n`;
  expect(usage.read([RUN], false, 100).get(KEY)?.cpu.totalNs).toBe(30_000);
});

test('of an empty cgroup, and of one that is gone, there is nothing', () => {
  const usage = reader();
  put('cgroup.procs', '');
  expect(usage.read([RUN], false, 0).size).toBe(0);
  delete files[join(root, 'holdfast/i1', KEY, 'cgroup.procs')];
  expect(usage.read([RUN], false, 100).size).toBe(0);
});
