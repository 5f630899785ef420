import { InvalidArgumentError, type Command } from 'commander';

export const DATA_DIR = [
  '--data-dir <dir>',
  'data directory of the agent (env HOLDFAST_DATA_DIR)',
] as const;
export const REF = 'ALLOC or ALLOC/TASK; ALLOC is a name, an id or the beginning of one';

/** One more command of `root`, with examples before its help. */
export function subcommand(
  root: Command,
  name: string,
  description: string,
  examples: readonly string[],
): Command {
  const lines = examples.map((example) => `  ${example}\n`).join('');
  return root
    .command(name)
    .description(description)
    .addHelpText('before', `Examples:\n${lines}`)
    .option(...DATA_DIR);
}

/** Of an option. */
export function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a whole number');
}
