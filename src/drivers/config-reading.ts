/** Reads the `config` of a task: every key once, every fault said, nothing unknown let through. Pure. */
import { HoldfastError } from '../errors.ts';
import { closest } from '../spec/closest.ts';
import { durationMs } from '../spec/duration.ts';

type Config = Readonly<Record<string, unknown>>;

interface Issue {
  readonly path: string;
  readonly message: string;
}

/**
 * Keys are asked for in camelCase and also found in snake_case, as Nomad's users write them. Wrong values are collected
 * and read as if they were not there, so that `end` can say all of them at once.
 */
export class ConfigReading {
  readonly #driver: string;
  readonly #config: Config;
  readonly #known = new Map<string, string>();
  readonly #issues: Issue[];
  /** Before every path of this part of a config. */
  readonly #prefix: string;
  readonly #parts: ConfigReading[] = [];

  constructor(driver: string, config: Config, part?: { prefix: string; issues: Issue[] }) {
    this.#driver = driver;
    this.#config = config;
    this.#prefix = part?.prefix ?? '';
    this.#issues = part?.issues ?? [];
  }

  wrong(path: string, message: string): undefined {
    this.#issues.push({ path: `${this.#prefix}${path}`, message });
    return undefined;
  }

  /** A map in the config, read as a config of its own; `end` of the whole looks at it too. */
  section(name: string): ConfigReading {
    const value = this.#take(name) ?? {};
    // As Nomad's jobs say it in JSON: a block is a list of one map.
    const only: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
    if (!isMap(only)) this.wrong(name, 'must be a map');
    return this.#part(`${name}.`, isMap(only) ? only : {});
  }

  /** A list of maps, each read as a config of its own. */
  sections(name: string): readonly ConfigReading[] {
    const value = this.#take(name) ?? [];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.flatMap((entry, index) => {
      if (isMap(entry)) return [this.#part(`${name}[${index}].`, entry)];
      this.wrong(`${name}[${index}]`, 'must be a map');
      return [];
    });
  }

  #part(path: string, config: Config): ConfigReading {
    const prefix = `${this.#prefix}${path}`;
    const part = new ConfigReading(this.#driver, config, { prefix, issues: this.#issues });
    this.#parts.push(part);
    return part;
  }

  /** Names with a text each; a number or a truth is read as it is written. */
  textMap(name: string): Readonly<Record<string, string>> {
    const value = this.#take(name) ?? {};
    const maps: readonly unknown[] = Array.isArray(value) ? value : [value];
    const texts: Record<string, string> = {};
    for (const map of maps) {
      if (!isMap(map)) this.wrong(name, 'must be a map of texts');
      else {
        for (const [key, text] of Object.entries(map)) {
          const isFit = ['string', 'number', 'boolean'].includes(typeof text);
          if (isFit && isPlainText(String(text))) texts[key] = String(text);
          else this.wrong(`${name}.${key}`, isFit ? NO_NUL : 'must be a text');
        }
      }
    }
    return texts;
  }

  /** Milliseconds of a duration such as "3m". */
  durationMs(name: string, leastMs = 0): number | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    const ms = typeof value === 'string' ? durationMs(value) : Number.NaN;
    if (Number.isNaN(ms)) return this.wrong(name, 'must be a duration with a unit, such as "3m"');
    return ms < leastMs ? this.wrong(name, `must be at least ${leastMs / 1_000}s`) : ms;
  }

  /** True, false, or left out. */
  truth(name: string): boolean | undefined {
    const value = this.#take(name);
    if (value === undefined || typeof value === 'boolean') return value;
    return this.wrong(name, 'must be true or false');
  }

  required(name: string, what: string): string {
    const value = this.#take(name);
    if (value === undefined) this.wrong(name, `is required by driver ${this.#driver}`);
    else if (!isPlainText(value) || value === '') this.wrong(name, faultOf(value, what));
    else return value;
    return '';
  }

  text(name: string, what: string): string | undefined {
    const value = this.#take(name);
    if (value === undefined || (isPlainText(value) && value !== '')) return value;
    return this.wrong(name, faultOf(value, what));
  }

  texts(name: string): readonly string[] {
    const value = this.#take(name) ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) {
      const nul = value.findIndex((item) => !isPlainText(item));
      if (nul === -1) return value;
      this.wrong(`${name}[${nul}]`, NO_NUL);
      return [];
    }
    this.wrong(name, 'must be a list of strings');
    return [];
  }

  isOn(name: string): boolean {
    return this.truth(name) === true;
  }

  oneOf<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const value = this.#take(name);
    const found = words.find((word) => word === value);
    if (value !== undefined && found === undefined) {
      this.wrong(name, `must be ${words.join(' or ')}`);
    }
    return found;
  }

  wholeNumber(name: string, least: number, most: number): number | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    const isFit = Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most;
    return isFit ? Number(value) : this.wrong(name, `must be a number from ${least} to ${most}`);
  }

  /** A value that its reader understands by itself; it says what is wrong through `wrong`. */
  any(name: string): unknown {
    return this.#take(name);
  }

  /** Throws DRIVER_CONFIG_INVALID with `details.issues` when anything was wrong or was not asked for. */
  end(): void {
    this.#findStrangers();
    if (this.#issues.length === 0) return;
    const text = this.#issues.map(({ path, message }) => `config.${path} ${message}`).join('; ');
    throw new HoldfastError('DRIVER_CONFIG_INVALID', text, { details: { issues: this.#issues } });
  }

  #findStrangers(): void {
    const names = [...new Set(this.#known.values())];
    for (const key of Object.keys(this.#config)) {
      if (this.#known.has(key)) continue;
      const near = closest(key, [...this.#known.keys()]);
      const hint = near === undefined ? ` (${names.join(', ')})` : `. Did you mean ${near}?`;
      this.wrong(key, `is not a setting of ${this.#driver}${hint}`);
    }
    for (const part of this.#parts) part.#findStrangers();
  }

  #take(name: string): unknown {
    const snake = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    this.#known.set(name, name).set(snake, name);
    return this.#config[name] ?? this.#config[snake];
  }
}

function isMap(value: unknown): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const NO_NUL = 'must not contain NUL';

function faultOf(value: unknown, what: string): string {
  return typeof value === 'string' && !isPlainText(value) ? NO_NUL : `must be ${what}`;
}

export function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}
