/** What is done about a change while a program runs, of `templates[]` and `secrets[]`. Loads zod. */
import { z } from 'zod';
import { duration, text } from './schema-parts.ts';
import { SIGNAL_NAMES } from './signal-names.ts';

const script = z
  .strictObject({
    command: text.min(1).describe('Run beside the program, where it finds it.'),
    args: z.array(text).default([]),
    timeout: duration.default('5s').describe('It is ended when it takes longer.'),
    failOnError: z
      .boolean()
      .default(false)
      .describe(
        'Another end than exit code 0 is a failure of the task: its restart policy decides.',
      ),
  })
  .describe('With changeMode "script".');

/** For the object of a block; `changeProblem` belongs to its refinement. */
export const change = {
  changeMode: z
    .enum(['restart', 'signal', 'script', 'noop'])
    .optional()
    .describe('What is done about a change while the program runs.'),
  changeSignal: z
    .enum(SIGNAL_NAMES, { error: 'must be the name of a signal, such as SIGHUP' })
    .optional()
    .describe('With changeMode "signal".'),
  changeScript: script.optional(),
  splay: duration
    .optional()
    .describe('It is done after a random time up to this: not everywhere at once. Default 5s.'),
};

export interface CheckedChange {
  readonly changeMode?: 'restart' | 'signal' | 'script' | 'noop' | undefined;
  readonly changeSignal?: (typeof SIGNAL_NAMES)[number] | undefined;
  readonly changeScript?: z.output<typeof script> | undefined;
  readonly splay?: string | undefined;
}

/** What does not fit together, with its key. */
export function changeProblem(
  written: CheckedChange,
): { readonly path: string; readonly message: string } | undefined {
  const { changeMode, changeSignal, changeScript } = written;
  const wrong = (path: string, message: string) => ({ path, message });
  if (changeMode === 'signal' && changeSignal === undefined) {
    return wrong('changeSignal', 'is needed with changeMode "signal"');
  }
  if (changeMode === 'script' && changeScript === undefined) {
    return wrong('changeScript', 'is needed with changeMode "script"');
  }
  if (changeMode !== 'signal' && changeSignal !== undefined) {
    return wrong('changeSignal', 'needs changeMode "signal"');
  }
  if (changeMode !== 'script' && changeScript !== undefined) {
    return wrong('changeScript', 'needs changeMode "script"');
  }
  return undefined;
}
