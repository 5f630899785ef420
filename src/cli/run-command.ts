import { CommanderError } from 'commander';
import { ERROR_CODES, HoldfastError } from '../errors.ts';
import { program } from './commands.ts';
import { say } from './output.ts';
import type { Command } from 'commander';

/** Runs one command line and gives its exit status: those of `ERROR_CODES`, 2 for wrong usage. Never throws. */
export async function runCommand(args: readonly string[]): Promise<number> {
  if (process.platform !== 'linux') {
    say(`holdfast: this runs on Linux only, not on ${process.platform}`);
    return 1;
  }
  const root = program();
  tellInOneLine(root);
  try {
    await root.parseAsync(args, { from: 'user' });
    // A command that ended in order may still have had bad news: `run --wait`.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return exitCodeOf(error);
  }
}

/** One clear line for an error; where a bug came from is kept for those who ask. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ERROR_CODES.USAGE.exit;
  const { code, message, stack, details } = HoldfastError.from(error);
  // Mistakes in a file begin with its place, in the form that editors jump to.
  const line = code === 'SPEC_INVALID' ? message : `holdfast: ${message}`;
  if (details['isReported'] !== true) say(line);
  if (code === 'INTERNAL' && process.env['HOLDFAST_DEBUG'] !== undefined) say(stack ?? '');
  const status = details['exitStatus'];
  return typeof status === 'number' ? status : ERROR_CODES[code].exit;
}

/** Commander's own complaints in our form, with the way to the help in the same line. */
function tellInOneLine(command: Command): void {
  for (const below of command.commands) tellInOneLine(below);
  const path = pathOf(command);
  command.exitOverride().configureOutput({
    outputError: (text, writeErr) => {
      const line = text
        .trim()
        .replace(/^error: /, '')
        .replaceAll('\n', ' ');
      writeErr(`holdfast: ${line} (see ${path} --help)\n`);
    },
  });
}

/** Such as `holdfast store verify`. */
function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
