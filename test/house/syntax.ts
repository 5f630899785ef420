/** What the house asks of the syntax tree of a source. */
import { visitorKeys } from 'oxc-parser';
import type { Source } from './sources.ts';

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

const nodesOfSource = new WeakMap<Source, readonly Node[]>();

/** Every node, gathered once: each rule asks for them again. */
function allNodes(source: Source): readonly Node[] {
  const known = nodesOfSource.get(source);
  if (known !== undefined) return known;
  const found: Node[] = [];
  gather(source.parsed.program as unknown as Node, found);
  nodesOfSource.set(source, found);
  return found;
}

function gather(node: Node, found: Node[]): void {
  found.push(node);
  for (const key of visitorKeys[node.type] ?? []) {
    const child = node[key];
    for (const one of Array.isArray(child) ? child : [child]) {
      if (one !== null && typeof one === 'object') gather(one as Node, found);
    }
  }
}

function lineAt({ text }: Source, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line += 1;
  }
  return line;
}

/** How many lines the text from `start` to `end` is on. */
function linesBetween({ text }: Source, start: number, end: number): number {
  let lines = 1;
  for (let at = text.indexOf('\n', start); at !== -1 && at < end; at = text.indexOf('\n', at + 1)) {
    lines += 1;
  }
  return lines;
}

/** Functions of more than `most` lines, each with its first line and how many it has. */
export function longFunctions(
  source: Source,
  most: number,
): readonly { line: number; lines: number }[] {
  if (source.lines.length <= most) return [];
  return allNodes(source)
    .filter(({ type }) => FUNCTIONS.has(type))
    .map(({ start, end }) => ({ start, lines: linesBetween(source, start, end) }))
    .filter(({ lines }) => lines > most)
    .map(({ start, lines }) => ({ line: lineAt(source, start), lines }));
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/** `Math.random()`, `new Date()`, `setTimeout()` …: what makes a call come out differently the next time. */
export function impureCalls(source: Source): readonly string[] {
  const found: string[] = [];
  for (const node of allNodes(source)) {
    if (node.type !== 'CallExpression' && node.type !== 'NewExpression') continue;
    const callee = node['callee'] as Node;
    const name = source.text.slice(callee.start, callee.end);
    const isEmptyDate = name === 'Date' && (node['arguments'] as readonly unknown[]).length === 0;
    if (isEmptyDate || IMPURE.test(name)) found.push(`${lineAt(source, node.start)}: ${name}()`);
  }
  return found;
}

const IMPURE =
  /^(globalThis\.)?(Date\.now|Math\.random|performance\.now|crypto\..*|process\..*|fetch|set(Timeout|Interval|Immediate)|queueMicrotask|console\..*)$/;

/** `as any`, `: any` and comments that switch a rule off. */
export function escapes(source: Source): readonly string[] {
  // Making a tree of a text costs more than reading it.
  const nodes = /\bany\b/.test(source.text) ? allNodes(source) : [];
  const anys = nodes.filter(({ type }) => type === 'TSAnyKeyword');
  const muted = source.parsed.comments.filter(({ value }) =>
    /^\s*(@ts-|(oxlint|eslint|prettier|oxfmt|v8|c8|istanbul)[- ](disable|ignore))/.test(value),
  );
  return [...anys, ...muted].map(({ start }) => `${source.path}:${lineAt(source, start)}`);
}
