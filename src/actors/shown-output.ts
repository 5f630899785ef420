/**
 * What may be recorded of what a program or its check has written: no secret of the task, in none of the forms in which
 * one is usually found, and not more than an operator needs.
 */
import { taskStream } from '../events/envelope.ts';
import type { TaskContext } from '../machines/task-state.ts';
import type { AgentDoors } from './agent-doors.ts';
import { missingSecrets } from './run-env.ts';
import type { TaskIdentity } from './task-runner.ts';

const MOST_BYTES = 4_096;
const INSTEAD = '[secret]';
/** A line of a secret that is shorter may stand anywhere. */
const SHORTEST_LINE = 8;

export function shownOutput(
  agent: AgentDoors,
  identity: TaskIdentity,
  context: TaskContext,
  output: string,
): string {
  if (output === '') return '';
  const { allocId, task } = identity;
  const stream = taskStream(allocId, task.name);
  const hooks = context.plan?.hooks ?? [];
  const isUnknown =
    missingSecrets(agent, identity, context).length > 0 ||
    (task.secrets ?? []).some(({ name }) => agent.secrets.find(stream, hooks, name) === undefined);
  // Nobody can take out what he does not know.
  if (isUnknown) return '(left out: this agent does not have all secrets of the task)';
  return firstBytes(withoutSecrets(output, agent.secrets.valuesOf(stream)));
}

/** Also a part of one at either end, where something may have been cut off. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const forms = [...new Set(secrets.flatMap(formsOf))]
    .filter((form) => form !== '')
    .toSorted((one, other) => other.length - one.length);
  let shown = text;
  for (const form of forms) shown = shown.replaceAll(form, INSTEAD);
  for (const form of forms) shown = withoutPart(shown, form);
  return shown;
}

function formsOf(secret: string): readonly string[] {
  const trimmed = secret.trim();
  const lines = trimmed.split('\n').filter((line) => line.length >= SHORTEST_LINE);
  const bytes = Buffer.from(trimmed);
  return [
    secret,
    trimmed,
    ...lines,
    JSON.stringify(trimmed).slice(1, -1),
    encodeURIComponent(bytes.toString('utf8')),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('hex'),
  ];
}

function withoutPart(text: string, form: string): string {
  let shown = text;
  for (let length = Math.min(form.length - 1, shown.length); length >= SHORTEST_PART; length -= 1) {
    if (!shown.startsWith(form.slice(-length))) continue;
    shown = INSTEAD + shown.slice(length);
    break;
  }
  for (let length = Math.min(form.length - 1, shown.length); length >= SHORTEST_PART; length -= 1) {
    if (!shown.endsWith(form.slice(0, length))) continue;
    return shown.slice(0, -length) + INSTEAD;
  }
  return shown;
}

/** Less of a secret than this tells nothing, and most texts begin or end with so much of any. */
const SHORTEST_PART = 4;

function firstBytes(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MOST_BYTES) return text;
  const cut = bytes.subarray(0, MOST_BYTES - 3).toString('utf8');
  return `${cut.replace(/\uFFFD$/, '')}…`;
}
