/**
 * The environment of a program: built once, the same for every driver, out of the layers of `env-layers.ts`. It also
 * reads the references in other texts of the task. The order in which variables are written changes nothing.
 */
import { closest } from './closest.ts';
import type { EnvFacts } from './env-facts.ts';
import { ENV_LAYERS, type LayerEntry } from './env-layers.ts';
import { cleanName } from './env-names.ts';
import type { EnvProblem } from './env-problem.ts';
import { replaceReferences } from './interpolate.ts';
import { isOurKey, nodeValue, variableOf } from './node-keys.ts';

/** What the kernel takes as one argument or variable (MAX_ARG_STRLEN), in bytes; here, in characters, never more. */
const LONGEST = 131_072;
/** All texts with references of one task together, in characters: what a program can be handed is about as much. */
const LONGEST_TOGETHER = 2_097_152;
/** How many variables a reference may lead through. */
const DEEPEST = 64;

/** One text, however many names it has. */
interface Cell {
  readonly entry: LayerEntry;
  /** As it is after reading; undefined before, and for a secret that has no value yet. */
  text?: string | undefined;
  /** Names of the secrets that are in the text. */
  secrets: readonly string[];
  /** How many texts its references lead through; -1 for a text that is not read. */
  depth: number;
  state: 'unread' | 'reading' | 'read';
}

interface Slot {
  readonly layer: string;
  readonly cell: Cell;
  /** What it overrode. */
  readonly below: Slot | undefined;
}

/** One variable, with all that is known of it. */
export interface ExplainedVariable {
  readonly name: string;
  /** Undefined for what must not be shown, because of `secrets`. */
  readonly value: string | undefined;
  /** Names of the secrets that it is, or is made of. */
  readonly secrets: readonly string[];
  readonly hash: string | undefined;
  readonly layer: string;
  /** The hook that gave it. */
  readonly from: string | undefined;
  /** As it was written, when that was something else. */
  readonly written: string | undefined;
  /** What it overrode, the newest first. */
  readonly overrode: readonly {
    readonly layer: string;
    readonly from: string | undefined;
    readonly value: string | undefined;
  }[];
}

export class TaskEnvironment {
  /** What a program gets. */
  readonly env: Readonly<Record<string, string>>;
  readonly #facts: EnvFacts;
  readonly #slots = new Map<string, Slot>();
  readonly #path: Cell[] = [];
  readonly #problems: EnvProblem[] = [];
  #length = 0;

  constructor(facts: EnvFacts) {
    this.#facts = facts;
    const { interpolation } = facts.task;
    for (const { name: layer, entries, fillsGaps, isRead } of ENV_LAYERS) {
      for (const entry of entries(facts)) {
        const cell = cellOf(entry, isRead === true && interpolation !== undefined);
        for (const name of entry.names) {
          const below = this.#slots.get(name);
          if (fillsGaps !== true || below === undefined) {
            this.#slots.set(name, { layer, cell, below });
          }
        }
      }
    }
    this.env = this.#asRead();
  }

  #asRead(): Readonly<Record<string, string>> {
    const env: Record<string, string> = {};
    for (const [name, { cell }] of this.#slots) {
      if (cell.state === 'unread') this.#read(cell);
      const { text } = cell;
      if (text === undefined) continue;
      if (name === '__proto__') Object.defineProperty(env, name, { ...PLAIN, value: text });
      else env[name] = text;
    }
    return env;
  }

  /** Why the program cannot be started with this: empty when it can. Those of texts that were read so far. */
  get problems(): readonly EnvProblem[] {
    return this.#problems;
  }

  /** Another text of the task, such as `config.args[0]`. No secret gets there: it may be seen by everybody. */
  text(where: string, written: string): string {
    const { text, secrets } = this.secretText(where, written);
    const [secret] = secrets;
    if (secret === undefined) return text;
    this.#problems.push({ kind: 'secret', where, text: secret });
    return written;
  }

  /** For a text that nobody gets to see, such as a header of a request: with the names of the secrets in it. */
  secretText(
    where: string,
    written: string,
  ): { readonly text: string; readonly secrets: readonly string[] } {
    if (this.#facts.task.interpolation === undefined) return { text: written, secrets: [] };
    const cell = cellOf({ names: [], where, value: written }, true);
    this.#read(cell);
    return { text: cell.text ?? written, secrets: cell.secrets };
  }

  /** Every variable in alphabetical order, with where it comes from. */
  explain(): readonly ExplainedVariable[] {
    return [...this.#slots]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, slot]) => ({
        name,
        ...this.#shown(slot),
        secrets: slot.cell.secrets,
        hash: slot.cell.entry.hash,
        written: slot.cell.text === slot.cell.entry.value ? undefined : slot.cell.entry.value,
        overrode: slotsBelow(slot).map((one) => this.#shown(one)),
      }));
  }

  #shown({ layer, cell }: Slot): Pick<ExplainedVariable, 'layer' | 'from' | 'value'> {
    this.#read(cell);
    const value = cell.secrets.length > 0 ? undefined : cell.text;
    return { layer, from: cell.entry.from, value };
  }

  #read(cell: Cell): void {
    if (cell.state !== 'unread') return;
    const { value: written = '', where } = cell.entry;
    cell.state = 'reading';
    this.#path.push(cell);
    const text = replaceReferences(written, (name) => this.#answer(name, cell), LONGEST);
    this.#path.pop();
    cell.state = 'read';
    if (text !== written) this.#length += text?.length ?? 0;
    const isTooLong = text === undefined || this.#length > LONGEST_TOGETHER;
    if (isTooLong) this.#problems.push({ kind: 'long', where, text: String(LONGEST) });
    if (cell.depth >= DEEPEST) this.#problems.push({ kind: 'deep', where, text: '' });
    cell.text = isTooLong ? written : text;
  }

  /** What a reference in `reader` stands for; undefined keeps it as it is written. */
  #answer(name: string, reader: Cell): string | undefined {
    const cell = this.#find(name, reader);
    if (cell === undefined) {
      const value = nodeValue(name, this.#facts) ?? this.#ownMeta(name, reader);
      if (value === undefined) this.#unknown(name, reader);
      return value;
    }
    return this.#valueOf(cell, name, reader);
  }

  #valueOf(cell: Cell, name: string, reader: Cell): string | undefined {
    const { where } = reader.entry;
    if (cell.state === 'reading') {
      const round = this.#path.slice(this.#path.indexOf(cell));
      const text = [...round, cell].map((one) => one.entry.where).join(' → ');
      this.#problems.push({ kind: 'cycle', where, text });
      return undefined;
    }
    if (cell.state === 'unread' && this.#path.length >= DEEPEST) {
      this.#problems.push({ kind: 'deep', where, text: name });
      return undefined;
    }
    this.#read(cell);
    reader.depth = Math.max(reader.depth, cell.depth + 1);
    if (cell.secrets.length > 0) {
      reader.secrets = [...new Set([...reader.secrets, ...cell.secrets])];
    }
    return cell.text ?? '';
  }

  /** A variable by its name, with `env.` before it or without ours. */
  #find(name: string, reader: Cell): Cell | undefined {
    const found = this.#named(name, reader);
    if (found !== undefined) return found;
    const short = name.startsWith('env.') ? name.slice('env.'.length) : name;
    // Who refers to a port writes its label, and no variable is called so.
    return (
      this.#named(cleanName(short), reader) ?? this.#named(cleanName(variableOf(short)), reader)
    );
  }

  /** Its own name means what it overrode. */
  #named(name: string, reader: Cell): Cell | undefined {
    let slot = this.#slots.get(name);
    while (slot?.cell === reader) slot = slot.below;
    return slot?.cell;
  }

  /** `meta.x` and `labels.x` of the task and its group, where the node has no meta of that name. */
  #ownMeta(name: string, reader: Cell): string | undefined {
    const [, kind = '', key = ''] = /^(meta|labels)\.(.+)$/.exec(name) ?? [];
    if (kind === '') return undefined;
    const variable = `HOLDFAST_${kind === 'meta' ? 'META' : 'LABEL'}_${key}`;
    const slot = this.#slots.get(cleanName(variable));
    if (slot === undefined || slot.cell === reader) return undefined;
    return this.#valueOf(slot.cell, name, reader);
  }

  #unknown(name: string, { entry: { where } }: Cell): void {
    if (this.#facts.task.interpolation?.unknown !== 'error') return;
    const others = [...this.#slots.keys()].filter((one) => one !== name);
    const near = isOurKey(name) ? undefined : closest(name, others);
    this.#problems.push({ kind: 'unknown', where, text: name, near });
  }
}

/** `mayRefer`: its references are still to be read, if there are any. */
function cellOf(entry: LayerEntry, mayRefer: boolean): Cell {
  const { value: text, secret } = entry;
  const isUnread = mayRefer && text?.includes('${') === true;
  const secrets = secret === undefined ? NONE : [secret];
  return { entry, text, secrets, depth: isUnread ? 0 : -1, state: isUnread ? 'unread' : 'read' };
}

/** As an assignment makes one, but for a name that has another meaning there. */
const PLAIN = { enumerable: true, writable: true, configurable: true };
const NONE: readonly string[] = [];

function slotsBelow(slot: Slot): readonly Slot[] {
  const found: Slot[] = [];
  for (let one = slot.below; one !== undefined; one = one.below) found.push(one);
  return found;
}
