/** Names inside of archives: where they lead, told without a file system. */

const MOST_STEPS = 128;
const LONGEST_STEP = 255;
const LONGEST_PATH = 3_000;
const MOST_LINKS = 40;

/** The steps of an entry's name; undefined when it leads out of the archive or cannot be made. `.` has none. */
export function entrySteps(name: string): readonly string[] | undefined {
  if (name.startsWith('/') || name.includes('\0') || name.includes('\\')) return undefined;
  const steps = name.split('/').filter((step) => step !== '' && step !== '.');
  if (steps.length > MOST_STEPS || Buffer.byteLength(name) > LONGEST_PATH) return undefined;
  const isBad = (step: string): boolean => step === '..' || Buffer.byteLength(step) > LONGEST_STEP;
  return steps.some(isBad) ? undefined : steps;
}

/**
 * Does a link lead out of the tree, whatever other links it leads through? `links` are all of the tree: path → target.
 * A link to nowhere inside of the tree does not.
 */
export function leadsOut(
  path: string,
  target: string,
  links: ReadonlyMap<string, string>,
): boolean {
  const todo = target.split('/');
  let place = path.split('/').slice(0, -1);
  let followed = 0;
  if (target.startsWith('/') || target.includes('\0')) return true;
  for (let step = todo.shift(); step !== undefined; step = todo.shift()) {
    if (step === '' || step === '.') continue;
    if (step === '..') {
      if (place.length === 0) return true;
      place = place.slice(0, -1);
      continue;
    }
    const next = [...place, step];
    const through = links.get(next.join('/'));
    if (through === undefined) place = next;
    else if (through.startsWith('/') || ++followed > MOST_LINKS) return true;
    else todo.unshift(...through.split('/'));
  }
  return false;
}
