/** What becomes of a file of another system: a group as a user would write it, and what of the file is not in it. */

export interface Imported {
  /** A group, which `validateGroup` takes. */
  readonly group: Readonly<Record<string, unknown>>;
  /** One line for each thing that was left out or means something else now, by its place in the file. */
  readonly notes: readonly string[];
}

/** The file cannot be read at all. */
export class ImportFault extends Error {
  override readonly name = 'ImportFault';
}

/** A name that groups and tasks may have; what cannot be in one becomes `-`. */
export function plainName(written: string): string {
  const name = written.replace(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return name.slice(0, 64).replace(/-+$/, '') || 'imported';
}

/** A text in which what looks like one of our references is left to whoever reads it next. */
export function unread(text: string): string {
  return text.replace(/\$\{[A-Za-z0-9_.-]+\}/g, (reference) => `$${reference}`);
}

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Says nothing: what an encoder writes for what nobody set. */
export function isUnset(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0) return true;
  if (value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** The same without keys whose value is undefined or says nothing. */
export function withoutUnset(fields: Fields): Record<string, unknown> {
  const kept = Object.entries(fields).filter(([, value]) => {
    if (value === undefined) return false;
    return typeof value !== 'object' || value === null || Object.keys(value).length > 0;
  });
  return Object.fromEntries(kept);
}
