import { subcommand } from './subcommand.ts';
import type { Command } from 'commander';

const AFTER = `
Exit status: 0 when nothing would be done, 1 when something would, 255 when it
cannot be told.
`;

export function addPlanCommand(root: Command): void {
  subcommand(root, 'plan', 'tell what running a group would do, and do nothing', [
    'holdfast plan web.yaml',
    'holdfast plan web.yaml --json',
    'holdfast run web.yaml --if-version 3     what was planned for version 3',
  ])
    .argument('<file>', 'YAML or JSON; - is standard input')
    .option('--json', 'the whole plan as one object')
    .addHelpText('after', AFTER)
    .action(async (file: string, _options, command: Command) =>
      (await import('./plan.ts')).plan(file, command.optsWithGlobals()),
    );
}
