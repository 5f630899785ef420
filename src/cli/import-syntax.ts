import { subcommand } from './subcommand.ts';
import type { Command } from 'commander';

/** `import`: what other systems are told, as a group file. Needs no agent. */
export function addImportCommand(root: Command): void {
  const parent = subcommand(root, 'import', 'turn a file of another system into a group file', [
    'nomad job run -output web.nomad.hcl | holdfast import nomad - > web.yaml',
    'holdfast import procfile Procfile > web.yaml',
    'holdfast import pm2 ecosystem.config.js --env production > web.yaml',
  ]).helpCommand(false);
  const kind = (name: string, description: string, example: string): Command =>
    subcommand(parent, name, description, [example]).argument('<file>', '- is standard input');
  kind('nomad', 'a job in JSON', 'holdfast import nomad job.json --group web > web.yaml')
    .option('--group <name>', 'which group, of a job with several')
    .action(async (file: string, _options, command: Command) =>
      (await import('./import.ts')).importFile('nomad', file, command.optsWithGlobals()),
    );
  kind('procfile', 'a Procfile', 'holdfast import procfile Procfile --name web > web.yaml')
    .option('--name <name>', 'of the group (the name of its directory)')
    .action(async (file: string, _options, command: Command) =>
      (await import('./import.ts')).importFile('procfile', file, command.optsWithGlobals()),
    );
  kind(
    'pm2',
    'an ecosystem file, read as data and never run',
    'holdfast import pm2 ecosystem.config.js',
  )
    .option('--name <name>', 'of the group (the name of its directory)')
    .option('--env <name>', 'take env_NAME, too')
    .action(async (file: string, _options, command: Command) =>
      (await import('./import.ts')).importFile('pm2', file, command.optsWithGlobals()),
    );
}
