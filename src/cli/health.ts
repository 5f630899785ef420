import type { CheckView, HealthStatus, HealthView, ServiceView } from '../api.ts';
import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { printable, say, styled, write } from './output.ts';
import { type Column, formatTable } from './table.ts';

export interface HealthOptions {
  readonly dataDir?: string;
  readonly json?: boolean;
}

/** `holdfast services [REF]`: one line a service. */
export async function services(ref: string | undefined, options: HealthOptions): Promise<void> {
  const { services: found } = await healthFor(ref, options);
  if (options.json === true) return write(`${JSON.stringify(found, null, 2)}\n`);
  if (found.length === 0) return say('no program that runs gives a service');
  return write(serviceTable(found));
}

/** `holdfast checks [REF]`: one line a check. Status 1 when one of them is critical. */
export async function checks(ref: string | undefined, options: HealthOptions): Promise<void> {
  const { checks: found } = await healthFor(ref, options);
  if (found.some(({ status }) => status === 'critical')) process.exitCode = 1;
  if (options.json === true) return write(`${JSON.stringify(found, null, 2)}\n`);
  if (found.length === 0) return say('no program that runs has a check');
  return write(checkTable(found));
}

async function healthFor(ref: string | undefined, { dataDir }: HealthOptions): Promise<HealthView> {
  await using orchestrator = await findAgent(dataDirectory(dataDir));
  return await orchestrator.health(ref);
}

const COLOURS = { passing: 'green', warning: 'yellow', critical: 'red', pending: 'dim' } as const;

function coloured(padded: string, { status }: { readonly status: HealthStatus | null }): string {
  return status === null ? padded : styled(COLOURS[status], padded);
}

function nameOf({ alloc, task }: { readonly alloc: string; readonly task: string }): string {
  return `${alloc}/${task}`;
}

export function serviceTable(found: readonly ServiceView[]): string {
  const columns: readonly Column<ServiceView>[] = [
    { title: 'SERVICE', cell: ({ service }) => printable(service) },
    { title: 'ADDRESS', cell: (one) => printable(addressText(one)) },
    { title: 'STATUS', cell: ({ status }) => status ?? '-', style: coloured },
    { title: 'TASK', cell: nameOf },
    { title: 'TAGS', cell: ({ tags }) => printable(tags.join(',')) || '-' },
  ];
  return formatTable(columns, found);
}

function addressText({ address, port }: ServiceView): string {
  if (address === '') return '-';
  const host = address.includes(':') ? `[${address}]` : address;
  return port === null ? host : `${host}:${port}`;
}

export function checkTable(found: readonly CheckView[]): string {
  const columns: readonly Column<CheckView>[] = [
    { title: 'CHECK', cell: ({ check }) => printable(check) },
    { title: 'STATUS', cell: ({ status }) => status, style: coloured },
    { title: 'TASK', cell: nameOf },
    { title: 'SERVICE', cell: ({ service }) => printable(service ?? '-') },
    { title: 'SINCE', cell: ({ since }) => since ?? '-' },
    { title: 'OUTPUT', cell: ({ output }) => printable(output.split('\n', 1)[0] ?? '') },
  ];
  return formatTable(columns, found);
}
