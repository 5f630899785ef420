/**
 * The instrumented copy of the package. In the source a crash point is a comment, `// crash point: agent.append.before`
 * (`# crash point: shim.fate.before` in the shim's text), and costs nothing; in the copy each becomes a call on the same
 * line. Mutants are further patches of such a copy.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyPackage } from '../faults/patched-copy.ts';
import type { Patch } from '../patch.ts';
import { SHIM_RUNTIME } from './shim-runtime.ts';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '..', '..');

const POINT = /^(\s*)(\/\/|#) crash point: ([a-z]+(?:\.[a-z-]+)+)$/gm;
/** Imported before everything else by every process of the copy. */
const RUNTIME = `(await import('../../../test/crash/runtime.ts')).installCrashPoints(); `;

export interface InstrumentedCopy {
  readonly dir: string;
  /** The program that plays the agent. */
  readonly life: string;
  /** Everything that runs from the copy shares one compile cache. */
  readonly cacheDir: string;
  readonly witness: string;
}

/** Every crash point of the sources, each name once for every kind of process that may reach it. */
export function crashPoints(): readonly string[] {
  const names = sourceFiles(join(ROOT, 'src')).flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(POINT)].map((match) => match[3] ?? ''),
  );
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`crash point ${twice} is in the sources twice`);
  return names
    .flatMap((name) =>
      name.startsWith('host.')
        ? [name.replace('host.', 'executor.'), name.replace('host.', 'logmon.')]
        : [name],
    )
    .toSorted();
}

/** What makes the copy fit to be hurt: the override of the machine epoch, and limits that no case lives to see. */
const PATCHES: readonly Patch[] = [
  {
    file: 'src/os/machine-epoch.ts',
    find: '`${bootId}.${namespace}.${init.startTime}`',
    replace: '`${bootId}.${namespace}.${init.startTime}${globalThis.epochSuffix?.() ?? ""}`',
  },
  {
    file: 'src/rpc/host-main.ts',
    find: 'const IDLE_CHECK_MS = 10_000;',
    replace: 'const IDLE_CHECK_MS = 250;',
  },
  {
    file: 'src/rpc/host-main.ts',
    find: 'const FORSAKEN_AFTER_MS = 60_000;',
    replace: 'const FORSAKEN_AFTER_MS = 2_500;',
  },
  {
    file: 'src/processes/executor-host/heir.ts',
    find: 'const LOOK_MS = 1_000;',
    replace: 'const LOOK_MS = 100;',
  },
  {
    // Still longer than what runc takes to delete a container: it makes the directory it works in.
    file: 'src/actors/run-files.ts',
    find: 'const SWEEP_AFTER_MS = 30_000;',
    replace: 'const SWEEP_AFTER_MS = 800;',
  },
  {
    file: 'src/actors/snapshot-keeper.ts',
    find: 'options.everyEvents ?? 20_000',
    replace: 'options.everyEvents ?? 25',
  },
  {
    file: 'src/actors/snapshot-keeper.ts',
    find: 'options.closingEvents ?? 1_000',
    replace: 'options.closingEvents ?? 10',
  },
  {
    file: 'src/processes/executor-host/shim.ts',
    find: '`\nrun=$1\n',
    replace: `\`\n${SHIM_RUNTIME}\nrun=$1\n`,
  },
  ...['executor', 'logmon'].map((kind) => ({
    file: `src/processes/${kind}-host/main.ts`,
    find: 'await runHost(',
    replace: `${RUNTIME}await runHost(`,
  })),
];

/** Copies the package to `dir`, with every crash point alive and `mutation` applied. */
export function instrument(dir: string, mutation: readonly Patch[] = []): InstrumentedCopy {
  copyPackage(dir, [...mutation, ...PATCHES]);
  for (const path of sourceFiles(join(dir, 'src'))) bringToLife(path);
  const rig = join(dir, 'test', 'crash');
  mkdirSync(rig, { recursive: true });
  cpSync(HERE, rig, { recursive: true });
  return {
    dir,
    life: join(rig, 'life.ts'),
    cacheDir: join(dir, 'cache'),
    witness: join(rig, 'witness.pl'),
  };
}

function bringToLife(path: string): void {
  const text = readFileSync(path, 'utf8');
  const alive = text.replaceAll(POINT, (_line, indent: string, sign: string, name: string) =>
    sign === '#' ? `${indent}crash_point ${name}` : `${indent}globalThis.crashPoint?.('${name}');`,
  );
  if (alive !== text) writeFileSync(path, alive);
}

function sourceFiles(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('rpc/gen/'))
    .map((name) => join(dir, name));
}
