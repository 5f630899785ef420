import { expect, test } from 'vitest';
import { importsOf, readSource } from '../house/sources.ts';

/** Everything that is loaded with a file of `src/`: own files, packages and modules of Node, by static imports. */
function loadedBy(entry: string): readonly string[] {
  const loaded = new Set([entry]);
  for (const name of loaded) {
    if (!name.endsWith('.ts')) continue;
    for (const { to, isType } of importsOf(readSource(`src/${name}`))) if (!isType) loaded.add(to);
  }
  return [...loaded];
}

// Every module costs its share in each host: grpc-js 6 MB, node:crypto 1 MB, the codec's public entry 2.7 MB.
const OWN = ['executor-host', 'logmon-host', 'docker-logger'];

test.each(OWN)('a host loads no more than it needs: %s', (kind) => {
  const loaded = loadedBy(`processes/${kind}/main.ts`);
  expect(loaded).toContain('rpc/wire.ts');
  expect(loaded.filter((name) => !name.endsWith('.ts') && !name.startsWith('node:'))).toEqual([
    'koffi',
  ]);
  const heavy = ['node:crypto', 'node:http2', 'node:child_process', 'node:worker_threads'];
  expect(loaded.filter((name) => heavy.includes(name))).toEqual([]);
});
