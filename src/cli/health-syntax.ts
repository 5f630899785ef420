import type { Command } from 'commander';
import { REF, subcommand } from './subcommand.ts';

export function addHealthCommands(root: Command): void {
  subcommand(root, 'sinks', 'list where events are sent, and how far each place has them', [
    'holdfast sinks --json',
  ])
    .option('--json', 'an array with one element a sink')
    .action(async (_options, command: Command) =>
      (await import('./sinks.ts')).sinks(command.optsWithGlobals()),
    );
  subcommand(root, 'services', 'list the services of what runs, and where they are reached', [
    'holdfast services web --json',
  ])
    .argument('[ref]', REF)
    .option('--json', 'an array with one element a service')
    .action(async (ref: string | undefined, _options, command: Command) =>
      (await import('./health.ts')).services(ref, command.optsWithGlobals()),
    );
  subcommand(root, 'checks', 'list the checks of what runs, and what they say', [
    'holdfast checks web     exit status 1 when one of them is critical',
  ])
    .argument('[ref]', REF)
    .option('--json', 'an array with one element a check')
    .action(async (ref: string | undefined, _options, command: Command) =>
      (await import('./health.ts')).checks(ref, command.optsWithGlobals()),
    );
}
