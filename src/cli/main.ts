/** The command. Exit statuses are those of `ERROR_CODES`; 2 is wrong usage. */
import { CommanderError } from 'commander';
import { ERROR_CODES, HoldfastError } from '../errors.ts';
import { program } from './commands.ts';
import { endQuietlyWithoutReader, say } from './output.ts';
import type { Command } from 'commander';

endQuietlyWithoutReader();
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (process.platform !== 'linux') {
    say(`holdfast: this runs on Linux only, not on ${process.platform}`);
    return 1;
  }
  const root = program();
  for (const command of [root, ...root.commands]) tellInOneLine(command);
  try {
    await root.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return exitCodeOf(error);
  }
}

/** One clear line for an error; the way of a bug is kept for those who can read it. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ERROR_CODES.USAGE.exit;
  const { code, message, stack, details } = HoldfastError.from(error);
  const isAboutFile = code === 'SPEC_INVALID';
  if (details['isReported'] !== true) say(isAboutFile ? message : `holdfast: ${message}`);
  if (code === 'INTERNAL' && process.env['HOLDFAST_DEBUG'] !== undefined) say(stack ?? '');
  return ERROR_CODES[code].exit;
}

/** Commander's own complaints in our form, with the way to the help in the same line. */
function tellInOneLine(command: Command): void {
  const path = command.parent === null ? 'holdfast' : `holdfast ${command.name()}`;
  command.exitOverride().configureOutput({
    writeErr: (text) => process.stderr.write(text),
    outputError: (text, writeErr) => {
      const line = text
        .trim()
        .replace(/^error: /, '')
        .replaceAll('\n', ' ');
      writeErr(`holdfast: ${line} (see ${path} --help)\n`);
    },
  });
}
