/** The files of this repository, read and parsed once. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseSync, type ParseResult } from 'oxc-parser';

export const root = resolve(import.meta.dirname, '..', '..');
const GENERATED = 'src/rpc/gen/';

export interface Source {
  /** Relative to the repository, such as `src/log/event-log.ts`. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly parsed: ParseResult;
}

export interface Import {
  /** Path of the file below `src/`, such as `log/sqlite.ts`. */
  readonly from: string;
  /** A package name, a `node:` module, or a path below `src/`. */
  readonly to: string;
  readonly isType: boolean;
}

/** The sources below these folders that people wrote. */
export function sourcesIn(...folders: string[]): readonly Source[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name}`)
      .filter((path) => /\.(ts|mjs)$/.test(path) && !path.startsWith(GENERATED))
      .map((path) => readSource(path)),
  );
}

const known = new Map<string, Source>();

export function readSource(path: string): Source {
  const found = known.get(path);
  if (found !== undefined) return found;
  const text = readFileSync(join(root, path), 'utf8');
  const lines = text.replace(/\n$/, '').split('\n');
  const source = { path, text, lines, parsed: parseSync(path, text) };
  known.set(path, source);
  return source;
}

/** Every text file under version control, and those that are about to be. */
export function trackedFiles(): readonly string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard'];
  const paths = execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim().split('\n');
  return paths.filter((path) => existsSync(join(root, path)));
}

/** `src/log/sqlite.ts` is in room `log`, `src/errors.ts` is the room `errors`. */
export function roomOf(pathInSrc: string): string {
  return (pathInSrc.split('/')[0] ?? '').replace(/\.ts$/, '');
}

export function importsOf({ path, text, parsed }: Source): readonly Import[] {
  const from = path.slice('src/'.length);
  const { staticImports, staticExports, dynamicImports } = parsed.module;
  const found: { request: string; isType: boolean }[] = [];
  for (const { moduleRequest, entries } of staticImports) {
    const isType = entries.length > 0 && entries.every((entry) => entry.isType);
    found.push({ request: moduleRequest.value, isType });
  }
  for (const { entries } of staticExports) {
    for (const { moduleRequest, isType } of entries) {
      if (moduleRequest !== null) found.push({ request: moduleRequest.value, isType });
    }
  }
  for (const { moduleRequest } of dynamicImports) {
    const written = text.slice(moduleRequest.start, moduleRequest.end);
    // What is worked out at run time names nothing here.
    if (/^['"`]/.test(written)) found.push({ request: written.slice(1, -1), isType: false });
  }
  return found.map(({ request, isType }) => ({ from, to: target(path, request), isType }));
}

function target(path: string, request: string): string {
  if (!request.startsWith('.')) return request;
  return relative(join(root, 'src'), resolve(root, dirname(path), request));
}

/** `@scope/name/deeper` and `name/deeper` as the package that they belong to. */
export function packageOf(request: string): string {
  const parts = request.split('/');
  return parts.slice(0, request.startsWith('@') ? 2 : 1).join('/');
}
