import type { Command } from 'commander';
import { REF, subcommand, wholeNumber } from './subcommand.ts';

/** `holdfast logs` as it is typed. */
export function addLogsCommand(root: Command): void {
  const when = '10m ago is 10m; or 10:00, 2026-11-22T10:00';
  subcommand(root, 'logs', 'print the output of a task', [
    'holdfast logs web/api -f',
    'holdfast logs web/api -n 20 -t         its last lines, with their times',
    'holdfast logs web/api -S 10m --run last',
    'holdfast logs web --prefix -f          of all its tasks',
    'holdfast logs web/api --json | jq -r .line',
  ])
    .argument('<ref>', `${REF}; an alloc of one task is enough`)
    .option('-f, --follow', 'go on until the task is over')
    .option('-n, --tail <lines>', 'begin with the last so many lines', wholeNumber)
    .option('-S, --since <when>', `only what came since then: ${when}`)
    .option('-U, --until <when>', 'only what came until then')
    .option('--run <run>', 'only what one run wrote: last, a number, or all')
    .option('--stdout', 'only what it wrote to stdout')
    .option('--stderr', 'only what it wrote to stderr')
    .option('-t, --timestamps', 'the time in front of every line, in UTC')
    .option('--prefix', 'the name of the task in front of every line; all tasks of an alloc')
    .option('--json', 'one JSON object a line')
    .option('--after <cursor>', 'go on behind a place that --json or an error named')
    .action(async (ref: string, _options, command: Command) =>
      (await import('./logs.ts')).logs(ref, command.optsWithGlobals()),
    );
}
