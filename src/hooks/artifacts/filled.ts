/** An artifact with its variables filled in: what the texts of a spec name is known only before a start. */
import type { ArtifactSpec } from '../../spec/artifact-spec.ts';
import { hasControl } from '../../spec/artifact-rules.ts';
import { refused } from './faults.ts';

/** `read` gives a text with what it names. Throws for a header that would become two. */
export function filled(artifact: ArtifactSpec, read: (text: string) => string): ArtifactSpec {
  const { checksum, headers, options } = artifact;
  const full: ArtifactSpec = {
    ...artifact,
    source: read(artifact.source),
    destination: read(artifact.destination),
    ...(checksum === undefined ? {} : { checksum: read(checksum) }),
    ...(headers === undefined ? {} : { headers: texts(headers, read) }),
    ...(options === undefined ? {} : { options: texts(options, read) }),
  };
  const bad = Object.entries(full.headers ?? {}).find(([, value]) => hasControl(value));
  if (bad !== undefined) throw refused(`the header ${bad[0]} must be one line`);
  return full;
}

/** Keys are not read. */
function texts<T extends object>(values: T, read: (text: string) => string): T {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      typeof value === 'string' ? read(value) : value,
    ]),
  ) as T;
}
