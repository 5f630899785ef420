/** What a reference with a dot in it stands for when it names no variable: Nomad's node keys, and the alloc's own. */
import type { EnvFacts } from './env-facts.ts';

/** Nomad's names of what is known of a node. */
const NODE_KEYS: Readonly<Record<string, (facts: EnvFacts) => string | undefined>> = {
  'node.unique.id': ({ node, group }) => group?.identity?.nodeId ?? node?.id,
  'node.unique.name': ({ node, group }) => group?.identity?.nodeName ?? node?.name,
  'node.datacenter': ({ node, group }) => group?.identity?.datacenter ?? node?.datacenter,
  'node.region': ({ node, group }) => group?.identity?.region ?? node?.region,
  'node.class': ({ node, group }) => group?.identity?.nodeClass ?? node?.class,
  'node.pool': ({ node, group }) => group?.identity?.nodePool ?? node?.pool,
};

/** `attr.x` and `node.attr.x`, `meta.x` and `node.meta.x`: undefined for what the machine does not have. */
export function nodeValue(name: string, facts: EnvFacts): string | undefined {
  const known = Object.hasOwn(NODE_KEYS, name) ? NODE_KEYS[name] : undefined;
  if (known !== undefined) return known(facts);
  const short = name.startsWith('node.') ? name.slice('node.'.length) : name;
  const { attributes = {}, meta = {} } = facts.node ?? {};
  if (short.startsWith('attr.')) return ownText(attributes, short.slice('attr.'.length));
  if (short.startsWith('meta.')) return ownText(meta, short.slice('meta.'.length));
  return undefined;
}

/** The variable that a key of the alloc is another name of: `alloc.id` is HOLDFAST_ALLOC_ID. */
export function variableOf(name: string): string {
  const isKey = /^(?:alloc|group|task|job)\.[a-z_]+$/.test(name);
  return `HOLDFAST_${isKey ? name.replace('.', '_').toUpperCase() : name}`;
}

/** Can only one of ours be meant by it, as against a variable that a hook may give later? */
export function isOurKey(name: string): boolean {
  return /^(?:node|attr|meta|labels|alloc|group|task|job)\./.test(name);
}

function ownText(texts: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(texts, key) ? texts[key] : undefined;
}
