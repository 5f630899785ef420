/** An artifact with its variables filled in: what the texts of a spec name is known only before a start. */
import type { ArtifactSpec } from '../../spec/artifact-spec.ts';
import { shownSource } from '../../spec/artifact-source.ts';
import { hasControl } from '../../spec/artifact-rules.ts';
import { refused } from './faults.ts';

/** `readAt` gives a text with what it names; `where` is its place in the spec. Throws for a header that becomes two. */
export function filled(
  artifact: ArtifactSpec,
  where: string,
  readAt: (where: string, text: string) => string,
): ArtifactSpec {
  const { checksum, headers, options } = artifact;
  const read = (key: string, text: string): string => readAt(`${where}.${key}`, text);
  const full: ArtifactSpec = {
    ...artifact,
    source: read('source', artifact.source),
    destination: read('destination', artifact.destination),
    ...(checksum === undefined ? {} : { checksum: read('checksum', checksum) }),
    ...(headers === undefined ? {} : { headers: texts('headers', headers, read) }),
    ...(options === undefined ? {} : { options: texts('options', options, read) }),
  };
  const bad = Object.entries(full.headers ?? {}).find(([, value]) => hasControl(value));
  if (bad !== undefined) throw refused(`the header ${bad[0]} must be one line`);
  return full;
}

/** A sentence about what was fetched, with the texts of the spec in the place of what they stand for. */
export function unfilled(text: string, full: ArtifactSpec, written: ArtifactSpec): string {
  const pairs: [string, string][] = [
    [full.source, written.source],
    [shownSource(full.source), shownSource(written.source)],
    [full.destination, written.destination],
  ];
  for (const key of ['headers', 'options'] as const) {
    for (const [name, value] of Object.entries(full[key] ?? {})) {
      const before = (written[key] as Readonly<Record<string, unknown>>)[name];
      if (typeof value === 'string') pairs.push([value, String(before)]);
    }
  }
  // A value of one or two letters would be found in every word.
  const isTelling = ([value, before]: [string, string]): boolean =>
    value !== before && value.length > 2;
  return pairs
    .filter(isTelling)
    .reduce((told, [value, before]) => told.replaceAll(value, () => before), text);
}

/** Keys are not read. */
function texts<T extends object>(
  place: string,
  values: T,
  read: (key: string, text: string) => string,
): T {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      typeof value === 'string' ? read(`${place}.${key}`, value) : value,
    ]),
  ) as T;
}
