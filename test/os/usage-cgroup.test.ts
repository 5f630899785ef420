import { expect, test } from 'vitest';
import { cgroupCpu, cgroupIo, cgroupMemory, cgroupThreads } from '../../src/os/usage-cgroup.ts';

/** Files by path, as a kernel wrote them. */
const reader =
  (files: Readonly<Record<string, string>>) =>
  (path: string): string | undefined =>
    files[path];

const V1 = reader({
  '/cpuacct/cpuacct.usage': '2034567891\n',
  '/cpuacct/cpuacct.stat': 'user 150\nsystem 53\n',
  '/cpu/cpu.stat':
    'nr_periods 40\nnr_throttled 38\nthrottled_time 1589012345\nnr_bursts 0\nburst_time 0\n',
  '/memory/memory.usage_in_bytes': '73400320\n',
  '/memory/memory.max_usage_in_bytes': '80000000\n',
  '/memory/memory.stat':
    'cache 1\nrss 2\ninactive_file 3\nhierarchical_memory_limit 104857600\n' +
    'hierarchical_memsw_limit 9223372036854771712\ntotal_cache 20971520\ntotal_rss 50331648\n' +
    'total_swap 4096\ntotal_inactive_file 10485760\n',
  '/blkio/blkio.throttle.io_service_bytes_recursive':
    '254:0 Read 8192\n254:0 Write 4096\n254:0 Sync 12288\n254:0 Total 12288\n' +
    '254:16 Read 1000\n254:16 Write 1\n254:16 Total 1001\nTotal 13289\n',
  '/pids/pids.current': '7\n',
});

const V2 = reader({
  '/u/cpu.stat':
    'usage_usec 2034567\nuser_usec 1500000\nsystem_usec 534567\nnice_usec 0\n' +
    'nr_periods 40\nnr_throttled 38\nthrottled_usec 1589012\n',
  '/u/memory.current': '73400320\n',
  '/u/memory.peak': '80000000\n',
  '/u/memory.max': '104857600\n',
  '/u/memory.swap.current': '0\n',
  '/u/memory.stat': 'anon 50331648\nfile 20971520\ninactive_file 10485760\n',
  '/u/io.stat':
    '254:0 rbytes=8192 wbytes=4096 rios=2 wios=1 dbytes=0 dios=0\n254:16 rbytes=1000 wbytes=1 rios=1 wios=1\n',
  '/u/pids.current': '7\n',
});

/** v2 beside v1, as on machines whose controllers are all in v1. */
const BARE_V2 = reader({
  '/u/cpu.stat': 'usage_usec 21\nuser_usec 17\nsystem_usec 4\nnice_usec 1\n',
});

const MEMORY = {
  usageBytes: 73_400_320,
  rssBytes: 50_331_648,
  cacheBytes: 20_971_520,
  workingSetBytes: 62_914_560,
  maxUsageBytes: 80_000_000,
  limitBytes: 104_857_600,
};
const v1 = {
  cpuacct: '/cpuacct',
  cpu: '/cpu',
  memory: '/memory',
  blkio: '/blkio',
  pids: '/pids',
};
const v2 = { unified: '/u', controllers: new Set(['cpu', 'memory', 'io', 'pids']) };

test('v1 tells time in nanoseconds and in ticks, and how long the run was held up', () => {
  expect(cgroupCpu(v1, V1)).toEqual({
    totalNs: 2_034_567_891,
    userNs: 1_500_000_000,
    systemNs: 530_000_000,
    throttledPeriods: 38,
    throttledNs: 1_589_012_345,
  });
});

test('v2 tells all of it in microseconds', () => {
  expect(cgroupCpu(v2, V2)).toEqual({
    totalNs: 2_034_567_000,
    userNs: 1_500_000_000,
    systemNs: 534_567_000,
    throttledPeriods: 38,
    throttledNs: 1_589_012_000,
  });
});

test('v2 without controllers tells time, and v1 beside it how long the run was held up', () => {
  const both = (path: string) => BARE_V2(path) ?? V1(path);
  const places = { unified: '/u', controllers: new Set<string>(), cpu: '/cpu' };
  expect(cgroupCpu(places, both)).toMatchObject({ totalNs: 21_000, throttledPeriods: 38 });
  expect(cgroupCpu({ unified: '/u' }, BARE_V2)).toEqual({
    totalNs: 21_000,
    userNs: 17_000,
    systemNs: 4_000,
  });
});

test('memory means the same in v1 and v2', () => {
  expect(cgroupMemory(v1, V1)).toEqual({ ...MEMORY, swapBytes: 4_096 });
  expect(cgroupMemory(v2, V2)).toEqual({ ...MEMORY, swapBytes: 0 });
});

test.each([
  ['v1', '/memory/memory.stat', 'total_rss 1\nhierarchical_memory_limit 9223372036854771712\n'],
  ['v2', '/u/memory.max', 'max\n'],
])(
  'a limit that is none is absent in %s, and so is what this kernel does not have',
  (_is, path, text) => {
    const files = {
      '/memory/memory.usage_in_bytes': '5\n',
      '/u/memory.current': '5\n',
      [path]: text,
    };
    const places = path.startsWith('/u') ? v2 : { memory: '/memory' };
    const memory = cgroupMemory(places, reader(files));
    expect(memory?.usageBytes).toBe(5);
    expect([memory?.limitBytes, memory?.maxUsageBytes, memory?.swapBytes]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  },
);

test('bytes of all devices are summed, and totals of the kernel are not counted again', () => {
  expect(cgroupIo(v1, V1)).toEqual({ readBytes: 9_192, writeBytes: 4_097 });
  expect(cgroupIo(v2, V2)).toEqual({ readBytes: 9_192, writeBytes: 4_097 });
  expect(cgroupIo(v2, reader({ '/u/io.stat': '' }))).toEqual({ readBytes: 0, writeBytes: 0 });
});

test('what no controller counts is undefined, and no file of it is looked for', () => {
  const forbidden = (path: string): never => {
    throw new Error(`${path} was read`);
  };
  const places = { unified: '/u', controllers: new Set(['hugetlb']) };
  expect(cgroupMemory(places, forbidden)).toBeUndefined();
  expect(cgroupIo(places, forbidden)).toBeUndefined();
  expect(cgroupThreads(places, forbidden)).toBeUndefined();
  expect(cgroupThreads(v1, V1)).toBe(7);
  expect(cgroupThreads(v2, V2)).toBe(7);
  expect(cgroupCpu({}, forbidden)).toBeUndefined();
});
