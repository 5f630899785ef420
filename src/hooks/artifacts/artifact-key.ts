import { createHash } from 'node:crypto';
import type { ArtifactSpec } from '../../spec/artifact-spec.ts';

/** By what an artifact is known, as it is written: any other wish is another one. */
export function artifactKey(artifact: ArtifactSpec): string {
  return createHash('sha256').update(JSON.stringify(artifact)).digest('hex').slice(0, 20);
}
