import type { Command } from 'commander';
import { REF, subcommand } from './subcommand.ts';

const AFTER = `
Without -i, -t and -T a terminal is given when standard input and output are
one; input is passed then, and with -i. A command goes on when its agent ends,
and this one comes back to it when there is a new agent within 30 s. What
nobody reads for 30 s is hung up.

Exit status: that of the command; 128 + n when signal n ended it; 126 and 127
when it cannot be executed or found; 2, 3, 4 and 8 when what was asked for is
wrong, is not there (also of -u and -w), does not run, or is not allowed; 125
when holdfast failed.
`;

export function addExecCommand(root: Command): void {
  const more = (value: string, before: readonly string[] = []): string[] => [...before, value];
  subcommand(root, 'exec', 'run a command beside a task, as the task runs', [
    'holdfast exec web/api -- sh             at a terminal: a shell',
    'holdfast exec web -- cat /etc/hosts',
    'holdfast exec web -i -- psql < dump.sql',
  ])
    .usage('[options] <ref> -- <command> [args...]')
    .argument('<ref>', `${REF}; an alloc of one task is enough`)
    .argument('<command...>', 'the command and its arguments, behind --')
    .option('-i, --interactive', 'pass standard input')
    .option('-t, --tty', 'give the command a terminal')
    .option('-T, --no-tty', 'give it none, also at a terminal')
    .option('-e, --env <name=value>', 'add to the environment of the task (repeatable)', more)
    .option('-u, --user <user>', 'run as NAME, UID, NAME:GROUP or UID:GID instead of as the task')
    .option('-w, --workdir <dir>', 'run there; relative to the working directory of the task')
    .addHelpText('after', AFTER)
    .action(async (ref: string, argv: string[], _options, command: Command) =>
      (await import('./exec.ts')).exec(ref, argv, command.optsWithGlobals()),
    );
  subcommand(root, 'attach', 'go on with a command of exec whose terminal was lost', [
    'holdfast events web | grep SessionOpened    says which there are',
    'holdfast attach 4b4ecc8bc1da1b32',
  ])
    .argument('<session>', 'as the event of its beginning names it')
    .option('-i, --interactive', 'pass standard input')
    .option('-t, --tty', 'it has a terminal')
    .option('-T, --no-tty', 'it has none')
    .action(async (session: string, _options, command: Command) =>
      (await import('./exec.ts')).attach(session, command.optsWithGlobals()),
    );
}
