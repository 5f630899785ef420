import type { AgentView } from '../api.ts';
import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { printable, styled, write } from './output.ts';
import { formatTable } from './table.ts';

export interface NodeOptions {
  readonly dataDir?: string;
  readonly json?: boolean;
}

/** `holdfast node`: what this machine and its agent are and can do, or one JSON AgentView. */
export async function node(options: NodeOptions): Promise<void> {
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  const view = await orchestrator.agent();
  if (options.json === true) return write(`${JSON.stringify(view, null, 2)}\n`);
  await write(`${agentTable(view)}\n${driverTable(view)}\n${capabilityTable(view)}`);
}

function agentTable(view: AgentView): string {
  const { version, pid, dataDir, storeId, instanceId, agentEpoch, head, startsHeld } = view;
  const facts: readonly (readonly [string, string])[] = [
    ['agent', `${version}, pid ${pid}, epoch ${agentEpoch}`],
    ['data directory', dataDir],
    ['store', `${storeId}, ${head} events`],
    ['instance', instanceId],
    ...startsHeld.map((hold) => ['starts wait', hold] as const),
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, text]) => `${name.padEnd(width)}  ${printable(text)}\n`).join('');
}

function driverTable({ drivers }: AgentView): string {
  const columns = [
    { title: 'DRIVER', cell: (row: AgentView['drivers'][number]) => row.driver },
    {
      title: 'HEALTH',
      cell: (row: AgentView['drivers'][number]) => row.health,
      style: (text: string, row: AgentView['drivers'][number]) =>
        styled(row.health === 'healthy' ? 'green' : 'yellow', text),
    },
    { title: 'WHY', cell: (row: AgentView['drivers'][number]) => printable(row.message) },
  ];
  return formatTable(columns, drivers);
}

type Capability = AgentView['capabilities'][number];

function capabilityTable({ capabilities }: AgentView): string {
  const columns = [
    { title: 'CAPABILITY', cell: (row: Capability) => row.name },
    {
      title: 'HERE',
      cell: (row: Capability) => (row.isAvailable ? 'yes' : 'no'),
      style: (text: string, row: Capability) => styled(row.isAvailable ? 'green' : 'yellow', text),
    },
    { title: 'WHY', cell: (row: Capability) => printable(row.reason) },
  ];
  return formatTable(columns, capabilities);
}
