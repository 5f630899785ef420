/** Something that is fetched before a task starts, with every default applied. JSON-safe: it stands in the log. */
import { durationMs } from './duration.ts';
import type { CheckedArtifact } from './artifact-schema.ts';

export const ARCHIVE_KINDS = [
  'tar',
  'tar.gz',
  'tar.bz2',
  'tar.xz',
  'zip',
  'gz',
  'bz2',
  'xz',
] as const;
/** `gz`, `bz2` and `xz` are one file that was packed by itself. */
export type ArchiveKind = (typeof ARCHIVE_KINDS)[number];

/** Texts may name variables. Credentials always do: what is written here is recorded. */
export interface ArtifactOptions {
  /** Git: a branch, a tag or a commit. */
  readonly ref?: string;
  /** Git: how many commits; left out: all of them. */
  readonly depth?: number;
  /** Git over ssh: a private key, as it is or in base64. */
  readonly sshKey?: string;
  readonly region?: string;
  /** Where a service is that speaks S3: `https://minio.example:9000`. */
  readonly endpoint?: string;
  /** Left out: with an endpoint the bucket is the first step of the path, otherwise the first word of the host. */
  readonly pathStyle?: boolean;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
}

export interface ArtifactSpec {
  readonly source: string;
  /** Below the task's directory, or below the alloc's shared one when it begins with `alloc/`. */
  readonly destination: string;
  /** file: `destination` is the file itself; any and dir: it is a directory. */
  readonly mode: 'any' | 'file' | 'dir';
  readonly checksum?: string;
  /** Left out: what the name of the source says. */
  readonly unpack?: 'never' | ArchiveKind;
  readonly headers?: Readonly<Record<string, string>>;
  readonly options?: ArtifactOptions;
  /** Octal; of a single file. */
  readonly perms?: string;
  /** False: what is fetched belongs to the agent's user. Left out: to the task's. */
  readonly chown?: false;
  /** Certificates and host keys are not checked. */
  readonly isInsecure?: true;
  /** Less than the agent allows. */
  readonly maxBytes?: number;
  readonly timeoutMs?: number;
}

/** What says no more than the default is left out: the same wish has the same hash. */
export function artifactSpec(checked: CheckedArtifact): ArtifactSpec {
  const { chown, insecure, timeout, unpack, ...rest } = checked;
  return {
    ...(rest as Omit<ArtifactSpec, 'unpack' | 'chown'>),
    ...(unpack === undefined || unpack === 'auto' ? {} : { unpack }),
    ...(!chown ? { chown } : {}),
    ...(insecure === true ? { isInsecure: true as const } : {}),
    ...(timeout === undefined ? {} : { timeoutMs: durationMs(timeout) }),
  };
}
