import { REF, subcommand } from './subcommand.ts';
import type { Command } from 'commander';

export function addEnvCommand(root: Command): void {
  const what = 'show what the program of a task finds in its environment; of secrets no value';
  subcommand(root, 'env', what, [
    'holdfast env web/api',
    'holdfast env web/api --explain     what gave each one, and what that overrides',
  ])
    .argument('<ref>', `${REF}; ALLOC alone when it has one task`)
    .option('--explain', 'where each comes from, how it was written, what it overrides')
    .option('--json', 'all of it as one object')
    .action(async (ref: string, _options, command: Command) =>
      (await import('./env.ts')).env(ref, command.optsWithGlobals()),
    );
}
