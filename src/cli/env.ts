import type { EnvVariable, TaskEnvView } from '../api.ts';
import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';
import { printable, say, styled, write } from './output.ts';
import { type Column, formatTable } from './table.ts';

export interface EnvOptions {
  readonly dataDir?: string;
  readonly explain?: boolean;
  readonly json?: boolean;
}

/** `holdfast env REF`: what a task's program finds in its environment; with `explain` where each of it comes from. */
export async function env(ref: string, options: EnvOptions): Promise<void> {
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  const view = await orchestrator.env(ref);
  if (options.json === true) return write(`${JSON.stringify(view, null, 2)}\n`);
  for (const problem of view.problems) say(`cannot be started so: ${printable(problem)}`);
  await write(options.explain === true ? explainedText(view) : envText(view));
}

export function envText({ variables }: TaskEnvView): string {
  return formatTable([NAME, VALUE], variables);
}

export function explainedText({ variables }: TaskEnvView): string {
  return formatTable([NAME, VALUE, FROM, WRITTEN, OVERRIDES], variables);
}

type Said = Pick<EnvVariable, 'layer' | 'from'>;

const placeOf = ({ layer, from }: Said): string => (from === null ? layer : `${layer} ${from}`);

/** Several lines in one, told apart from blanks; `--json` gives every value as it is. */
const inLine = (text: string): string => printable(text.replaceAll('\n', '\\n'));

const NAME: Column<EnvVariable> = { title: 'NAME', cell: ({ name }) => printable(name) };
const VALUE: Column<EnvVariable> = {
  title: 'VALUE',
  cell: ({ value, secrets, hash }) => {
    if (value !== null) return inLine(value);
    const names = secrets.map(printable).join(', ');
    return hash === null ? `(secret ${names})` : `(secret ${names}, ${printable(hash)})`;
  },
  style: (padded, { value }) => (value === null ? styled('yellow', padded) : padded),
};
const FROM: Column<EnvVariable> = { title: 'FROM', cell: (row) => printable(placeOf(row)) };
const WRITTEN: Column<EnvVariable> = {
  title: 'WRITTEN',
  cell: ({ written }) => (written === null ? '-' : inLine(written)),
};
const OVERRIDES: Column<EnvVariable> = {
  title: 'OVERRIDES',
  cell: ({ overrode }) => overrode.map(overriddenText).join('; ') || '-',
};

function overriddenText({ value, ...place }: EnvVariable['overrode'][number]): string {
  return `${printable(placeOf(place))}: ${value === null ? '(secret)' : inLine(value)}`;
}
