import { subcommand } from './subcommand.ts';
import type { Command } from 'commander';

export function addPlanCommand(root: Command): void {
  subcommand(root, 'plan', 'tell what running a group would do, and do nothing', [
    'holdfast plan web.yaml           exit status 0 nothing, 1 something, 255 an error',
    'holdfast plan web.yaml --json',
    'holdfast run web.yaml --if-version 3     only what was planned for version 3',
  ])
    .argument('<file>', 'YAML or JSON; - is standard input')
    .option('--json', 'the whole plan as one object')
    .action(async (file: string, _options, command: Command) =>
      (await import('./plan.ts')).plan(file, command.optsWithGlobals()),
    );
}
