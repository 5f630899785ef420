/** What a driver in its own process may say: its code is a stranger's, and what it says ends up in the log. */
import { NODE_EVENTS } from '../events/node-event.ts';
import { anyJson, fields, flag, oneOf, optional, record, text, whole } from '../events/shape.ts';
import type { Shape } from '../events/shape.ts';
import { RECORDED } from './words.ts';

const name = fields({ allocId: text, task: text });
/** One that is recorded may be handed back whole. */
const thing = fields({ kind: text, id: text, run: optional(whole) });
/** What it was given, handed back. */
const run: Shape<unknown> = {
  fault(value, path) {
    const { allocId, launchKey, task } = Object(value) as Readonly<Record<string, unknown>>;
    const texts = [allocId, launchKey, (Object(task) as { name?: unknown }).name];
    const isRun = texts.every((one) => typeof one === 'string');
    return isRun ? undefined : `${path}: expected a run`;
  },
};
const number: Shape<number> = {
  fault: (value, path) => (Number.isFinite(value) ? undefined : `${path}: expected a number`),
};
const kind = text;
const log = fields({
  endpoint: text,
  tls: optional(fields({ cert: optional(text), key: optional(text), ca: optional(text) })),
  containerId: text,
  isTty: flag,
});

const WORDS: Readonly<Record<string, Shape<object>>> = {
  log: fields({
    kind,
    level: oneOf('debug', 'info', 'warn', 'error'),
    facts: record(anyJson),
    message: text,
  }),
  changed: fields({ kind }),
  recovered: fields({ kind }),
  count: fields({ kind, metric: text, labels: record(text), n: number }),
  record: fields({ kind, type: oneOf(...RECORDED), facts: record(anyJson) }),
  emit: fields({ kind, of: name, type: text, message: text, details: record(text) }),
  hold: fields({ kind, of: name, thing }),
  forget: fields({ kind, of: name, thing }),
  follow: fields({ kind, run, log }),
  settled: fields({ kind, run, patienceMs: whole }),
  releaseOutput: fields({ kind, run }),
  isKnown: fields({ kind, launchKey: text, of: optional(name) }),
};

/** What is wrong with it, if it is no word. */
export function wordFault(value: unknown): string | undefined {
  const { kind: said } = Object(value) as { kind?: unknown };
  const shape = typeof said === 'string' && Object.hasOwn(WORDS, said) ? WORDS[said] : undefined;
  if (shape === undefined) return 'this agent does not know the question';
  const fault = shape.fault(value, said as string);
  return fault === undefined ? undefined : `what the driver says makes no sense: ${fault}`;
}

/** What is wrong with a fact of the node. */
export function factFault(type: (typeof RECORDED)[number], facts: object): string | undefined {
  return NODE_EVENTS[type].data.fault(facts, type);
}
