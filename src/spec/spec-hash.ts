/** Are two specs the same? Told by a hash of one text per meaning: keys sorted, nothing between the tokens. */
import type { AllocSpec } from './alloc-spec.ts';

/**
 * `hash` of the canonical JSON of a spec. The hash function is handed in because the pure rooms have none; the
 * composition root gives SHA-256 as lower-case hexadecimal.
 */
export function specHash(spec: AllocSpec, hash: (text: string) => string): string {
  return hash(canonicalJson(spec));
}

/** JSON with the keys of every object in code-unit order. Keys without a value are left out, as JSON does. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const field = (value as Record<string, unknown>)[key];
    if (field !== undefined) fields.push(`${JSON.stringify(key)}:${canonicalJson(field)}`);
  }
  return `{${fields.join(',')}}`;
}
