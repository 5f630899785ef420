import { expect, test } from 'vitest';
import { MarkMemory, membersOf } from '../../src/os/usage-members.ts';
import {
  pageSize,
  parseProcessIo,
  parseProcessUse,
  readProcessUse,
  type SeenProcess,
  sumIo,
} from '../../src/os/usage-process.ts';

/** Line of a real kernel, but for the name. */
const LINE =
  '4711 (a) b (c) S 4242 4711 4711 0 -1 4194560 1085 2310 0 0 150 53 7 9 20 0 3 0 8810442 ' +
  '5287936 394 18446744073709551615 94 94 140 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n';

test('a line of the process table tells time of its own and of ended children, threads and pages', () => {
  expect(parseProcessUse(LINE, 4_096)).toEqual({
    pid: 4_711,
    startTime: '8810442',
    command: 'a) b (c',
    state: 'S',
    parentPid: 4_242,
    processGroup: 4_711,
    session: 4_711,
    userNs: 1_500_000_000,
    systemNs: 530_000_000,
    endedChildrenUserNs: 70_000_000,
    endedChildrenSystemNs: 90_000_000,
    threads: 3,
    rssBytes: 394 * 4_096,
  });
});

test.each(['', '1 (a', '1 a)', '1 (a) S 1 2 3\n'])('%j is no such line', (text) => {
  expect(parseProcessUse(text, 4_096)).toBeUndefined();
});

test('a write that was taken back was none', () => {
  const text =
    'rchar: 9\nwchar: 9\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 4096\n';
  expect(parseProcessIo(text)).toEqual({ readBytes: 4_096, writeBytes: 4_096 });
  expect(parseProcessIo('rchar: 9\n')).toEqual({});
});

test('a sum in which one living process does not tell is no sum', () => {
  const io = 'read_bytes: 1\nwrite_bytes: 2\ncancelled_write_bytes: 0\n';
  const files: Record<string, string> = { '/proc/1/io': io, '/proc/2/io': io, '/proc/3/stat': 'x' };
  const read = (path: string): string | undefined => files[path];
  expect(sumIo([1, 2], read)).toEqual({ readBytes: 2, writeBytes: 4 });
  expect(sumIo([1, 2, 4], read)).toEqual({ readBytes: 2, writeBytes: 4 });
  expect(sumIo([1, 2, 3], read)).toEqual({});
});

test('this very process is found with the page size of this machine', () => {
  const bytes = pageSize();
  expect(Math.log2(bytes) % 1).toBe(0);
  const seen = readProcessUse(process.pid, bytes);
  expect(seen).toMatchObject({ pid: process.pid, parentPid: process.ppid });
  expect(seen?.rssBytes).toBeGreaterThan(10 * 1024 * 1024);
  expect(pageSize(() => undefined)).toBe(4_096);
});

function seen(pid: number, parentPid: number, more: Partial<SeenProcess> = {}): SeenProcess {
  const line = LINE.replace('4711 (', `${pid} (`);
  const parsed = parseProcessUse(line, 4_096) as SeenProcess;
  return { ...parsed, startTime: `t${pid}`, parentPid, session: 1, processGroup: 1, ...more };
}

const RUN = { key: 'k1', mark: 'i1:k1', program: { pid: 10, startTime: 't10' } };
const OTHER = { key: 'k2', mark: 'i1:k2', program: { pid: 20, startTime: 't20' } };
const members = (
  table: readonly SeenProcess[],
  marks: readonly (readonly [number, string])[] = [],
) =>
  Object.fromEntries(
    [...membersOf([RUN, OTHER], table, new Map(marks))].map(([key, found]) => [
      key,
      found.map(({ pid }) => pid),
    ]),
  );

test('a process is of the run whose program, session, group, mark or member it comes from', () => {
  const table = [
    seen(10, 5),
    seen(11, 10),
    seen(12, 11),
    seen(13, 1, { session: 10 }),
    seen(14, 1, { processGroup: 20 }),
    seen(15, 1),
    seen(16, 15),
    seen(17, 1),
    seen(20, 5),
  ];
  expect(members(table, [[15, 'i1:k2']])).toEqual({ k1: [10, 11, 12, 13], k2: [14, 15, 16, 20] });
});

test('a pid that is somebody else’s by now, and parents in a ring, are of nobody', () => {
  const table = [seen(10, 1, { startTime: 'later' }), seen(30, 31), seen(31, 30), seen(32, 10)];
  expect(members(table)).toEqual({ k1: [], k2: [] });
});

test('a mark is read once from each process, and anew from another one with its pid', () => {
  const memory = new MarkMemory();
  const paths: string[] = [];
  const read = (path: string): string => {
    paths.push(path);
    return 'A=b\0HOLDFAST_MARK=i1:k1\0';
  };
  const table = [seen(10, 5), seen(1, 0)];
  expect(memory.marksOf(table, read)).toEqual(new Map([[10, 'i1:k1']]));
  memory.marksOf(table, read);
  expect(paths).toEqual(['/proc/10/environ']);
  memory.marksOf([seen(10, 5, { startTime: 'later' })], read);
  expect(paths).toEqual(['/proc/10/environ', '/proc/10/environ']);
});
