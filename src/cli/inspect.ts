import { HoldfastError } from '../errors.ts';
import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { heldLines, waitingLines, withHolds } from './held-starts.ts';
import { printable, say, write } from './output.ts';
import { reasonTable } from './task-table.ts';
import type { AllocView, PortView, TaskView } from '../api.ts';

export interface InspectOptions {
  readonly dataDir?: string;
  readonly at?: string;
  readonly json?: boolean;
}

/** `holdfast inspect REF`: an alloc as it is or as it was at a position. A task's REF leaves out the other tasks. */
export async function inspect(ref: string, options: InspectOptions): Promise<void> {
  const at = options.at === undefined ? {} : { at: position(options.at) };
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  const view = await orchestrator.inspect(ref, at);
  const task = ref.split('/')[1];
  const tasks = view.tasks.filter((one) => task === undefined || one.task === task);
  // What held a start up in the past is in no event.
  const agent = options.at === undefined ? await orchestrator.agent() : undefined;
  const now = agent ?? { startsHeld: [], drivers: [] };
  const held = tasks.map((one) => withHolds(one, now));
  const shown = { ...view, tasks: held };
  if (options.json === true) return write(`${JSON.stringify(shown, null, 2)}\n`);
  if (held.some(({ startHeldBy }) => startHeldBy.length > 0)) heldLines(now, held).forEach(say);
  const outputWaiting = (agent?.outputWaiting ?? []).filter(({ task: name }) =>
    tasks.some((one) => name === `${view.allocId}/${one.task}`),
  );
  waitingLines({ outputWaiting }).forEach(say);
  await write(inspectText(shown));
}

export function inspectText(view: AllocView, now: number = Date.now()): string {
  const facts: readonly (readonly [string, string])[] = [
    ['alloc', view.alloc],
    ['id', view.allocId],
    ['type', view.type],
    ['state', view.reason === '' ? view.state : `${view.state}: ${printable(view.reason)}`],
    ['created', view.createdAt],
    ['spec', view.specHash],
    ...(view.networkMode === 'host' ? [] : [['network', networkText(view)] as const]),
    ...view.ports.map((port) => ['port', portText(port)] as const),
    ...view.tasks.flatMap((task) => reachedAt(task)),
    ['position', String(view.position)],
  ];
  const lines = facts.map(([key, value]) => `${key.padEnd(8)}  ${value}\n`).join('');
  return `${lines}\n${reasonTable(view.tasks, now)}`;
}

function networkText({ networkMode, ip }: AllocView): string {
  return ip === null ? networkMode : `${networkMode}, ${ip}`;
}

/** `web 172.17.0.5, http 8080`. */
function reachedAt({ task, network }: TaskView): readonly (readonly [string, string])[] {
  if (network === null) return [];
  const ports = Object.entries(network.ports).map(([label, port]) => `${label} ${port}`);
  return [['reached', [`${task} ${network.ip}`, ...ports].join(', ')]];
}

/** `http 10.0.0.5:8080 to 80`. */
function portText({ label, hostIp, hostPort, to }: PortView): string {
  const place = `${hostIp.includes(':') ? `[${hostIp}]` : hostIp}:${hostPort}`;
  return `${label} ${place}${to === null ? '' : ` to ${to}`}`;
}

/** Throws USAGE. */
export function position(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new HoldfastError('USAGE', `--at wants a position, such as 41, not "${text}"`);
}
