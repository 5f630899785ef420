import { Option, type Command } from 'commander';
import { subcommand } from './subcommand.ts';

const AFTER = `
The rules: --keep-finished, --keep-finished-for, --max-disk and --max-inodes
of the agent.
`;

export function addGcCommand(root: Command): void {
  subcommand(root, 'gc', 'let go of allocs that have ended: their files, output and events', [
    'holdfast gc                  what the rules of the agent take',
    'holdfast gc --dry-run        what they would take',
    'holdfast gc web              one that has ended, whatever the rules say',
    'holdfast gc --all            every one that has ended',
  ])
    .argument('[ref]', 'ALLOC: a name, an id or the beginning of one')
    .addOption(new Option('--all', 'every alloc that has ended'))
    .option('--dry-run', 'only say what would go')
    .option('--json', 'all of it as one object')
    .addHelpText('after', AFTER)
    .action(async (ref: string | undefined, _options, command: Command) =>
      (await import('./gc.ts')).gc(ref, command.optsWithGlobals()),
    );
}
