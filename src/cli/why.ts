import { dataDirectory } from './data-dir.ts';
import { localTime } from './event-line.ts';
import { findAgent } from './find-agent.ts';
import { printable, styled, write } from './output.ts';
import type { Cause, WhyChain } from '../api.ts';

export interface WhyOptions {
  readonly dataDir?: string;
  readonly json?: boolean;
}

/** `holdfast why REF`: the newest fact first, and below each what set it off. */
export async function why(ref: string, options: WhyOptions): Promise<void> {
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  const chains = await orchestrator.why(ref);
  if (options.json === true) return write(`${JSON.stringify(chains, null, 2)}\n`);
  await write(whyText(chains));
}

export function whyText(chains: readonly WhyChain[]): string {
  return chains.map(chainText).join('\n');
}

function chainText(chain: WhyChain): string {
  const { alloc, task, causes } = chain;
  const title = styled('bold', task === null ? alloc : `${alloc}/${task}`);
  const width = String(Math.max(0, ...causes.map(({ position }) => position))).length;
  const lines = causes.map((cause, index) => {
    const link = index === 0 ? '' : 'because ';
    const about = aboutOf(cause, chain);
    const place = `${String(cause.position).padStart(width)}  ${localTime(cause.time)}`;
    return `  ${styled('dim', place)}  ${link}${about}${printable(cause.text)}\n`;
  });
  return `${title}\n${lines.join('')}`;
}

/** Named where it is about something else than what was asked for. */
function aboutOf(cause: Cause, { alloc, task }: WhyChain): string {
  if (cause.alloc === null) return 'on this machine ';
  if (cause.task === task) return '';
  return cause.task === null ? `of alloc ${alloc}: ` : `${cause.task}: `;
}
