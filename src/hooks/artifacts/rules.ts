/** What an agent allows of artifacts. A spec may ask for less, never for more. */

export interface ArtifactRules {
  /** Of one artifact: what is sent, and what is written. Nomad's `decompression_size_limit`. */
  readonly maxBytes: number;
  /** Files, directories and links of one artifact. Nomad's `decompression_file_count_limit`. */
  readonly maxEntries: number;
  /** How many times its own size an archive may become. */
  readonly maxRatio: number;
  readonly timeoutMs: number;
  /** How long nothing may come. */
  readonly idleTimeoutMs: number;
  /** May a spec ask for certificates and host keys not to be checked? */
  readonly isInsecureAllowed: boolean;
  /** Directories of this machine from which `file:` may take what not everybody may read. */
  readonly fileRoots: readonly string[];
}

/** The first two and the time are Nomad's (client block `artifact`). */
export const ARTIFACT_RULES: ArtifactRules = {
  maxBytes: 100_000_000_000,
  maxEntries: 4_096,
  maxRatio: 200,
  timeoutMs: 1_800_000,
  idleTimeoutMs: 60_000,
  isInsecureAllowed: false,
  fileRoots: [],
};

/** What is undefined was left out. */
export function artifactRules(wish: Partial<ArtifactRules>): ArtifactRules {
  const asked = Object.entries(wish).filter(([, value]) => value !== undefined);
  return { ...ARTIFACT_RULES, ...(Object.fromEntries(asked) as Partial<ArtifactRules>) };
}

/** Small archives of zeros are nobody's bomb. */
export const RATIO_FREE_BYTES = 100_000_000;
