/** A group as a user wrote it, checked, completed and hashed. */
import { createHash } from 'node:crypto';
import { HoldfastError } from '../errors.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import type { GroupSpecInput } from '../spec/group-schema.ts';
import { specHash } from '../spec/spec-hash.ts';

/** The validator is loaded with the first spec: opening must not wait for it. Errors: SPEC_INVALID. */
export async function readSpec(
  input: GroupSpecInput,
  maxKillTimeoutMs = 30_000,
): Promise<{ readonly spec: AllocSpec; readonly specHash: string }> {
  const [{ validateGroup }, { resolveSpec }] = await Promise.all([
    import('../spec/validate-spec.ts'),
    import('../spec/resolve-spec.ts'),
  ]);
  const spec = resolveSpec(validateGroup(input), { maxKillTimeoutMs });
  assertStorable(spec);
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  return { spec, specHash: specHash(spec, sha256) };
}

/** A spec is stored as one event, with some facts beside it. */
const SPEC_LIMIT_BYTES = 60 * 1024;

/** Errors: SPEC_INVALID. */
export function assertStorable(spec: AllocSpec): void {
  const bytes = Buffer.byteLength(JSON.stringify(spec));
  if (bytes <= SPEC_LIMIT_BYTES) return;
  const message = `the group takes ${bytes} bytes as JSON, and at most ${SPEC_LIMIT_BYTES} are taken: put what is large into a file`;
  throw new HoldfastError('SPEC_INVALID', message, {
    details: { issues: [{ path: '', message }] },
  });
}
