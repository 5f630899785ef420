/** `--node KEY=VALUE` of an agent: what tasks may be told of its machine. */
import { InvalidArgumentError } from 'commander';
import type { OrchestratorOptions } from '../orchestrator.ts';

type Node = NonNullable<OrchestratorOptions['node']>;

const WORDS = ['id', 'name', 'datacenter', 'region', 'class', 'pool'] as const;
const KEYS = `${WORDS.join(', ')}, coreMhz, meta.KEY or attr.NAME`;

/** One more fact beside those before it; the last of a name holds. */
export function nodeFact(text: string, before: Node = {}): Node {
  const [, key = '', value = ''] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  const word = WORDS.find((one) => one === key);
  if (word !== undefined) return { ...before, [word]: value };
  if (key === 'coreMhz' && /^[1-9]\d{0,5}$/.test(value)) {
    return { ...before, coreMhz: Number(value) };
  }
  const [, kind, name = ''] = /^(meta|attr)\.(.+)$/s.exec(key) ?? [];
  if (kind === 'meta') return { ...before, meta: { ...before.meta, [name]: value } };
  if (kind === 'attr') return { ...before, attributes: { ...before.attributes, [name]: value } };
  throw new InvalidArgumentError(`expected ${KEYS}, then = and a value`);
}
