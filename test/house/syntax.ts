/** What the house asks of the syntax tree of a source. */
import { visitorKeys } from 'oxc-parser';
import type { Source } from './sources.ts';

export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** Every node below and including this one. */
export function* nodesOf(node: Node): Generator<Node> {
  yield node;
  for (const key of visitorKeys[node.type] ?? []) {
    const child = node[key];
    for (const one of Array.isArray(child) ? child : [child]) {
      if (one !== null && typeof one === 'object') yield* nodesOf(one as Node);
    }
  }
}

export function allNodes(source: Source): Generator<Node> {
  return nodesOf(source.parsed.program as unknown as Node);
}

export function lineAt({ text }: Source, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line += 1;
  }
  return line;
}

/** Line of each function and how many lines it has. */
export function functionLengths(source: Source): readonly { line: number; lines: number }[] {
  const kinds = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];
  return [...allNodes(source)]
    .filter(({ type }) => kinds.includes(type))
    .map(({ start, end }) => {
      const line = lineAt(source, start);
      return { line, lines: lineAt(source, end) - line + 1 };
    });
}

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
  const anys = [...allNodes(source)].filter(({ type }) => type === 'TSAnyKeyword');
  const muted = source.parsed.comments.filter(({ value }) =>
    /^\s*(@ts-|(oxlint|eslint|prettier|oxfmt|v8|c8|istanbul)[- ](disable|ignore))/.test(value),
  );
  return [...anys, ...muted].map(({ start }) => `${source.path}:${lineAt(source, start)}`);
}
