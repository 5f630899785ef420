/** What keeps a program from being started with the texts of its task, as an operator is told it. No value is in it. */
import { HoldfastError } from '../errors.ts';

export interface EnvProblem {
  readonly kind: 'unknown' | 'cycle' | 'deep' | 'long' | 'secret' | 'wrong';
  /** Which text of the task: `env.PORT`, `config.args[0]`, `user`. */
  readonly where: string;
  /** The name in the reference; of a cycle the texts that it leads through; of what is wrong what it must be. */
  readonly text: string;
  /** A name that may be meant by one that is not known. */
  readonly near?: string | undefined;
}

/** One line: what, where, and what to do about it. */
export function problemLine({ kind, where, text, near }: EnvProblem): string {
  switch (kind) {
    case 'unknown': {
      const hint = near === undefined ? '' : ` Did you mean \${${near}}?`;
      return `${where}: \${${text}} is not known here.${hint} For the text itself write $\${${text}}, or set interpolation.unknown to "keep"`;
    }
    case 'cycle':
      return `${where}: the references lead back to where they begin: ${text}`;
    case 'deep':
      return `${where}: leads through too many references: at most 64 may follow each other`;
    case 'long':
      return `${where}: becomes too long with what its references stand for: a text may have 131072 characters, all together 2097152`;
    case 'secret':
      return `${where}: holds the secret "${text}", which others could read there: hand it over in env or in a file`;
    case 'wrong':
      return `${where}: ${text}`;
  }
}

/** Of a start, which would fail again the same way. Undefined when nothing is wrong. */
export function startRefusal(
  task: string,
  problems: readonly EnvProblem[],
): HoldfastError | undefined {
  const [first, ...more] = problems;
  if (first === undefined) return undefined;
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
  const text = `task ${task} cannot be started: ${problemLine(first)}${others}`;
  return new HoldfastError('START_FAILED', text, {
    details: { problems: problems.map(problemLine) },
  });
}

/** Of acceptance. Undefined when nothing is wrong. */
export function specRefusal(
  problems: readonly { readonly index: number; readonly problem: EnvProblem }[],
): HoldfastError | undefined {
  if (problems.length === 0) return undefined;
  const issues = problems.map(({ index, problem }) => {
    const path = `tasks[${index}].${problem.where}`;
    return { path, message: problemLine({ ...problem, where: path }) };
  });
  const message = issues.map((issue) => issue.message).join('\n');
  return new HoldfastError('SPEC_INVALID', message, { details: { issues } });
}
