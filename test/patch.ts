/** A change of one text of the package: a mutant, to show that a rig would see what is not there today. */
export interface Patch {
  /** Below what the rig copies or loads, as in `src/log/sqlite.ts`. */
  readonly file: string;
  /** Must be there exactly once, so that a patch of yesterday's text is noticed. */
  readonly find: string;
  readonly replace: string;
}

/** Throws for one that does not fit. */
export function patchedText(text: string, { file, find, replace }: Patch): string {
  const [before, after, ...more] = text.split(find);
  if (before === undefined || after === undefined || more.length > 0) {
    const times = after === undefined ? 0 : more.length + 1;
    throw new Error(`a patch fits ${times} times in ${file}, not once: ${find}`);
  }
  return before + replace + after;
}
