/** Draws docs/charts/ from the machines. With --check it only compares, and exits 1 when a drawing is stale. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { allocTable } from '../src/machines/alloc-machine.ts';
import { dutyOf, edgesOf, isFinal, type ChartTable } from '../src/machines/chart-table.ts';
import { taskTable } from '../src/machines/task-machine.ts';

const folder = new URL('../docs/charts/', import.meta.url);

/** Text of each file of docs/charts/, by its name. */
export function charts(): Readonly<Record<string, string>> {
  return { 'task.md': draw('task', taskTable), 'alloc.md': draw('alloc', allocTable) };
}

function draw<C>(name: string, table: ChartTable<C>): string {
  const moves = edgesOf(table).filter(({ from, event, to }) => {
    return from !== to || table.states.get(from)?.edges.get(event)?.to !== undefined;
  });
  const labels = new Map<string, string[]>();
  for (const { from, event, to } of moves) {
    const arrow = `${from} --> ${to}`;
    labels.set(arrow, [...(labels.get(arrow) ?? []), event]);
  }
  const arrows = [...labels].map(([arrow, events]) => `  ${arrow}: ${events.join('<br/>')}`);
  const finals = [...table.states.keys()].filter((state) => isFinal(table, state));
  return [
    `# The chart of ${name === 'alloc' ? 'an' : 'a'} ${name}`,
    '',
    `Drawn from \`src/machines/${name}-machine.ts\` by \`npm run gen\`; do not edit. Every arrow is a recorded event.`,
    '',
    '```mermaid',
    'stateDiagram-v2',
    `  [*] --> ${table.initial.value}`,
    ...arrows,
    ...finals.map((state) => `  ${state} --> [*]`),
    '```',
    '',
    '| state | duty | recorded without leaving it |',
    '|---|---|---|',
    ...[...table.states.keys()].map((state) => row(table, state)),
    '',
  ].join('\n');
}

function row<C>(table: ChartTable<C>, state: string): string {
  const edges = [...(table.states.get(state)?.edges ?? [])];
  const kept = edges.filter(([, edge]) => edge.to === undefined).map(([event]) => event);
  const duty = dutyOf(table, state);
  return `| ${state} | ${duty === undefined ? '' : `\`${duty}\``} | ${kept.join(', ')} |`;
}

if (process.argv[1] === import.meta.filename) {
  const isCheck = process.argv.includes('--check');
  if (!isCheck) mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(charts())) {
    const url = new URL(file, folder);
    if (!isCheck) writeFileSync(url, text);
    else if (readFileSync(url, 'utf8') !== text) {
      process.stderr.write(`docs/charts/${file} is stale: run npm run gen\n`);
      process.exitCode = 1;
    }
  }
}
