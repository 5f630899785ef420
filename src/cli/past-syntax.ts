import { REF, subcommand } from './subcommand.ts';
import type { Command } from 'commander';

/** What looks back: `why` and `history`. */
export function addPastCommands(root: Command): void {
  subcommand(root, 'why', 'say why an alloc or a task is as it is, back to what set it off', [
    'holdfast why web/api',
    'holdfast why web --json',
  ])
    .argument('<ref>', REF)
    .option('--json', 'an array with one element a chain of causes')
    .action(async (ref: string, _options, command: Command) =>
      (await import('./why.ts')).why(ref, command.optsWithGlobals()),
    );
  subcommand(root, 'history', 'show through which states an alloc or a task went, and why', [
    'holdfast history web/api',
    "holdfast history web/api --nomad     all of it in Nomad's words",
  ])
    .argument('<ref>', REF)
    .option('-a, --all', 'also events that changed no state')
    .option('--at <position>', 'up to this position of the log')
    .option('--nomad', "a task's events with the types and texts that Nomad has for them")
    .option('--json', 'an array with one element an event')
    .action(async (ref: string, _options, command: Command) =>
      (await import('./history.ts')).history(ref, command.optsWithGlobals()),
    );
}
