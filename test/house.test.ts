/** The laws of the house. A rule that is wrong is changed here, with its reason in docs/decisions/, never worked round. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allocDuties } from '../src/actors/alloc-duties.ts';
import { taskDuties } from '../src/actors/task-duties.ts';
import { VOCABULARIES } from '../src/events/codec.ts';
import { allocTable } from '../src/machines/alloc-machine.ts';
import { dutyOf, edgesOf, isFinal, type ChartTable } from '../src/machines/chart-table.ts';
import { taskTable } from '../src/machines/task-machine.ts';
import { PACKAGE_VERSION } from '../src/version.ts';
import { EMPTY_WORDS, GENERATED_FOR, PACKAGES, PURE_ROOMS, ROOMS } from './house/rooms.ts';
import * as files from './house/sources.ts';
import { escapes, impureCalls, longFunctions } from './house/syntax.ts';

const sources = files.sourcesIn('src');
const written = [...sources, ...files.sourcesIn('tools', 'examples')];
const imports = sources.flatMap(files.importsOf);

describe('imports go down', () => {
  const rooms = Object.keys(ROOMS);
  const allowed = (room: string): readonly string[] => (ROOMS[room] ?? '').split(/\s+/);

  it('every room is in the table, and the table itself only looks down', () => {
    const found = new Set(sources.map(({ path }) => files.roomOf(path.slice('src/'.length))));
    expect([...found].filter((room) => !rooms.includes(room))).toEqual([]);
    for (const [index, room] of rooms.entries()) {
      const names = allowed(room).filter((name) => name !== '');
      const above = names.filter(
        (name) => !rooms.slice(0, index).includes(name.split(':')[0] ?? ''),
      );
      expect({ room, above }).toEqual({ room, above: [] });
    }
  });

  it('a room imports only what the table gives it', () => {
    const broken = imports.filter(({ from, to, isType }) => {
      if (!to.endsWith('.ts')) return false;
      const [own, other] = [files.roomOf(from), files.roomOf(to)];
      if (own === other || allowed(own).includes(other)) return false;
      return !(isType && allowed(own).includes(`${other}:type`));
    });
    expect(broken.map(sayImport)).toEqual([]);
  });

  it('a package is imported only where it is listed', () => {
    const foreign = imports.filter(({ to }) => !to.endsWith('.ts') && !to.startsWith('node:'));
    const broken = foreign.filter(({ from, to, isType }) => {
      const places = (PACKAGES[files.packageOf(to)] ?? '').split(' ');
      return !places.some((place) => {
        const [path = '', kind] = place.split(':');
        if (path === '' || (kind === 'type' && !isType)) return false;
        return path.endsWith('/') ? from.startsWith(path) : from === path;
      });
    });
    expect(broken.map(sayImport)).toEqual([]);
  });

  it('generated code stays near the wire', () => {
    const users = imports.filter(({ to }) => to.startsWith('rpc/gen/'));
    const broken = users.filter(({ from }) => !GENERATED_FOR.includes(files.roomOf(from)));
    expect(broken.map(sayImport)).toEqual([]);
  });
});

describe('pure rooms', () => {
  const pure = sources.filter(({ path }) =>
    PURE_ROOMS.some((room) => path.startsWith(`src/${room}/`)),
  );

  it('import nothing of Node', () => {
    const broken = pure.flatMap(files.importsOf).filter(({ to }) => to.startsWith('node:'));
    expect(broken.map(sayImport)).toEqual([]);
  });

  it('read no clock, no chance and nothing of the outside', () => {
    const broken = pure.flatMap((source) =>
      impureCalls(source).map((call) => `${source.path}:${call}`),
    );
    expect(broken).toEqual([]);
  });
});

describe('sizes', () => {
  it('a file has at most 250 lines', () => {
    const broken = written.filter(({ lines }) => lines.length > 250);
    expect(broken.map(({ path, lines }) => `${path}: ${lines.length}`)).toEqual([]);
  });

  // Every tree is made: seconds, on a machine that does something else too.
  it('a function has at most 50 lines', { timeout: 30_000 }, () => {
    const broken = written.flatMap((source) =>
      longFunctions(source, 50).map(({ line, lines }) => `${source.path}:${line}: ${lines}`),
    );
    expect(broken).toEqual([]);
  });

  // Texts are not broken for the sake of a margin, so only what stands outside of quotes counts.
  it('a line of code has at most 100 columns, a line of comment at most 120', () => {
    const isTooLong = (line: string): boolean => {
      if (/^\s*(\/?\*|\/\/)/.test(line)) return line.length > 120;
      return line.replace(/(['`/]).*\1/g, '').length > 100;
    };
    const broken = written.flatMap(({ path, lines }) =>
      lines.flatMap((line, at) => (isTooLong(line) ? [`${path}:${at + 1}: ${line.length}`] : [])),
    );
    expect(broken).toEqual([]);
  });
});

describe('words', () => {
  const isEmpty = (name: string): boolean =>
    name
      .replace(/data[-_]?dir(ectory)?/i, '')
      .replace(/([a-z])([A-Z])/g, '$1-$2')
      .split(/[^A-Za-z]+/)
      .some((word) => EMPTY_WORDS.includes(word.toLowerCase()));

  it('a file is named after its subject', () => {
    const names = written.map(({ path }) => path).filter((path) => isEmpty(basename(path)));
    expect(names).toEqual([]);
  });

  it('an export is named after what it is', () => {
    const broken = sources.flatMap(({ path, parsed }) =>
      parsed.module.staticExports.flatMap(({ entries }) =>
        entries
          .map(({ exportName }) => exportName.name ?? '')
          .filter(isEmpty)
          .map((name) => `${path}: ${name}`),
      ),
    );
    expect(broken).toEqual([]);
  });

  // Every file is parsed.
  it('nothing is left for later, no rule is switched off', { timeout: 30_000 }, () => {
    const later = new RegExp(['TO', 'DO|FIX', 'ME|XX', 'X'].join(''));
    const all = [...written, ...files.sourcesIn('test', 'bench')];
    const broken = all.flatMap(({ path, lines }) =>
      lines.flatMap((line, at) => (later.test(line) ? [`${path}:${at + 1}`] : [])),
    );
    expect(broken).toEqual([]);
    expect(all.flatMap(escapes)).toEqual([]);
  });

  it('the tree names no home directory and no registry', () => {
    const places = new RegExp(
      ['/ho', 'me/[a-z]|/ro', 'ot/|/wo', 'rk/|//[a-z0-9.-]*(regis', 'try|npm)'].join(''),
    );
    const broken = files.trackedFiles().flatMap((path) =>
      readFileSync(join(files.root, path), 'utf8')
        .split('\n')
        .flatMap((line, at) => (places.test(line) ? [`${path}:${at + 1}`] : [])),
    );
    expect(broken).toEqual([]);
  });
});

describe.each([
  [
    'a task',
    taskTable,
    Object.keys(taskDuties({} as never)),
    VOCABULARIES.task,
    ['sendSignal'],
    ['held', 'dead'],
  ],
  [
    'an alloc',
    allocTable,
    Object.keys(allocDuties({} as never)),
    VOCABULARIES.alloc,
    [],
    ['removed'],
  ],
] as const)('the chart of %s', (_name, chart, duties, vocabulary, oneShots, resting) => {
  const table = chart as ChartTable<unknown>;
  const states = [...table.states.keys()];

  it('has one duty for every state but the first, the last and those in which nothing is done', () => {
    const idle: readonly string[] = [table.initial.value, ...resting];
    const working = states.filter((state) => !idle.includes(state) && !isFinal(table, state));
    const named = working.map((state) => dutyOf(table, state) ?? `none in ${state}`);
    expect(idle.flatMap((state) => dutyOf(table, state) ?? [])).toEqual([]);
    expect([...new Set(named)].toSorted()).toEqual(duties.map(String).toSorted());
  });

  it('speaks the words of the log', () => {
    const words = new Set(edgesOf(table).map(({ event }) => event));
    expect([...words].filter((word) => !Object.hasOwn(vocabulary, word))).toEqual([]);
  });

  it('does once, when it is recorded, only what is listed here', () => {
    const edges = [...table.states.values()].flatMap((row) => [...row.edges.values()]);
    expect([...new Set(edges.flatMap((edge) => edge.oneShots))]).toEqual([...oneShots]);
  });
});

it('the version is the one of package.json', () => {
  const text = readFileSync(join(files.root, 'package.json'), 'utf8');
  expect(PACKAGE_VERSION).toBe((JSON.parse(text) as { version: string }).version);
});

function sayImport({ from, to, isType }: files.Import): string {
  return `${from} imports ${to}${isType ? ' (types)' : ''}`;
}
