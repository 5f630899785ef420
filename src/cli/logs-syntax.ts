import type { Command } from 'commander';
import { REF, subcommand, wholeNumber } from './subcommand.ts';

/** `holdfast logs` as it is typed. */
export function addLogsCommand(root: Command): void {
  const when = '10m, 1w, yesterday, 10:00, 2026-11-22T10:00 (local time unless it names a zone)';
  subcommand(root, 'logs', 'print the output of a task', [
    'holdfast logs web/api -f',
    'holdfast logs web/api -n 20 -t         its last lines, with their times',
    'holdfast logs web/api -S 10m --run last',
    'holdfast logs web --prefix -f          of all its tasks',
    'holdfast logs web/api --json | jq -r .line',
  ])
    .argument('<ref>', `${REF}; an alloc of one task is enough`)
    .option('-f, --follow', 'go on until the task is over')
    .option(
      '-n, --tail <lines>',
      'begin with the last so many lines of what is asked for, or all',
      lines,
    )
    .option('-S, --since <when>', `only what came since then: ${when}`)
    .option('-U, --until <when>', 'only what came until then')
    .option('--run <run>', 'only what one run wrote: last, a number, or all')
    .option('--stdout', 'only what it wrote to stdout')
    .option('--stderr', 'only what it wrote to stderr')
    .option('-t, --timestamps', 'the time in front of every line, in UTC as in --json')
    .option('--prefix', 'the name of the task in front of every line; all tasks of an alloc')
    .option('--json', 'one JSON object a line')
    .option(
      '--after <cursor>',
      'go on behind a place that --json or an error named; with -n, its last lines',
    )
    .action(async (ref: string, _options, command: Command) =>
      (await import('./logs.ts')).logs(ref, command.optsWithGlobals()),
    );
}

function lines(text: string): number | undefined {
  return text === 'all' ? undefined : wholeNumber(text);
}
