/** What can be said of an artifact before its variables are known. */
import { readSource } from './artifact-source.ts';

export interface ArtifactProblem {
  readonly path: readonly (string | number)[];
  readonly text: string;
}

interface Written {
  readonly source: string;
  readonly destination: string;
  readonly checksum?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly options?: Readonly<Record<string, unknown>> | undefined;
}

/** Headers by which people are let in somewhere. */
const SECRET_HEADER =
  /^(authorization|proxy-authorization|cookie)$|token|secret|api-?key|password/i;
const SECRET_OPTIONS = ['sshKey', 'secretAccessKey', 'sessionToken'];
const BY_NAME = 'would stand in the log as it is: name a variable of a secret, as in "${TOKEN}"';

export function artifactProblems(written: Written): readonly ArtifactProblem[] {
  return [
    ...sourceProblems(written),
    ...destinationProblems(written.destination),
    ...headerProblems(written.headers ?? {}),
    ...SECRET_OPTIONS.filter((name) => isLiteral(written.options?.[name])).map((name) => ({
      path: ['options', name],
      text: BY_NAME,
    })),
    ...refProblems(written.options?.['ref']),
  ];
}

/** A text in which nothing is named. */
function isLiteral(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && !value.includes('${');
}

function sourceProblems({ source, checksum }: Written): readonly ArtifactProblem[] {
  if (!isLiteral(source)) return [];
  const reading = readSource(source);
  if ('fault' in reading) return [{ path: ['source'], text: reading.fault }];
  if (reading.kind !== 'git' || checksum === undefined) return [];
  const text = 'cannot be had of a repository: name a commit as options.ref';
  return [{ path: ['checksum'], text }];
}

function destinationProblems(destination: string): readonly ArtifactProblem[] {
  if (!isLiteral(destination) || !destination.split('/').includes('..')) return [];
  const text = 'leads out of the directory of the task: it must not contain ".."';
  return [{ path: ['destination'], text }];
}

function headerProblems(headers: Readonly<Record<string, string>>): readonly ArtifactProblem[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const path = ['headers', name];
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) return [{ path, text: 'is no name of a header' }];
    if (hasControl(value)) return [{ path, text: 'must be one line' }];
    if (/^(host|range|if-range|content-length|connection|transfer-encoding)$/i.test(name)) {
      return [{ path, text: 'is set by whoever fetches the artifact' }];
    }
    return SECRET_HEADER.test(name) && isLiteral(value) ? [{ path, text: BY_NAME }] : [];
  });
}

/** Line ends in a header begin another one. */
export function hasControl(value: string): boolean {
  return /[^\P{Cc}\t]/u.test(value);
}

/** A name that git would take for an option, or for more than one name, is none. */
function refProblems(ref: unknown): readonly ArtifactProblem[] {
  if (!isLiteral(ref) || isRef(ref as string)) return [];
  return [{ path: ['options', 'ref'], text: 'must be a branch, a tag or a commit' }];
}

/** The rules of `git check-ref-format`, a little narrower. */
export function isRef(ref: string): boolean {
  return /^[A-Za-z0-9_][\w./+@-]{0,254}$/.test(ref) && !/\.\.|@\{|\/\/|\.lock$|[./]$/.test(ref);
}
