import { isAlias, isMap, isNode, isScalar, isSeq } from 'yaml';
import type { Document, LineCounter, Pair } from 'yaml';
import type { SpecSource } from '../spec/checked-input.ts';

/** Finds a path of the value in the text: what is missing is placed at the nearest thing that is there. */
export function locator(document: Document, lines: LineCounter): SpecSource['locate'] {
  return (path, part) => {
    let node: unknown = document.contents;
    let offset = offsetOf(node);
    for (const [index, step] of path.entries()) {
      const isLast = index === path.length - 1;
      const found = childOf(isAlias(node) ? node.resolve(document) : node, step);
      if (found === undefined) break;
      node = found.value;
      offset = (isLast && part === 'key' ? offsetOf(found.key) : offsetOf(node)) ?? offset;
    }
    if (offset === undefined) return undefined;
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
}

function childOf(
  node: unknown,
  step: string | number,
): Pair | { key: unknown; value: unknown } | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(step)];
    return item === undefined ? undefined : { key: item, value: item };
  }
  if (!isMap(node)) return undefined;
  return node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(step));
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
