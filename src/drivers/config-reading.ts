/** Reads the `config` of a task: every key once, every fault said, nothing unknown let through. Pure. */
import { HoldfastError } from '../errors.ts';

type Config = Readonly<Record<string, unknown>>;

/**
 * Keys are asked for in camelCase and also found in snake_case, as Nomad's users write them. Wrong values are collected
 * and read as if they were not there, so that `end` can say all of them at once.
 */
export class ConfigReading {
  readonly #driver: string;
  readonly #config: Config;
  readonly #known = new Map<string, string>();
  readonly #issues: { readonly path: string; readonly message: string }[] = [];

  constructor(driver: string, config: Config) {
    this.#driver = driver;
    this.#config = config;
  }

  wrong(path: string, message: string): undefined {
    this.#issues.push({ path, message });
    return undefined;
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
    const value = this.#take(name) ?? false;
    if (typeof value !== 'boolean') this.wrong(name, 'must be true or false');
    return value === true;
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
    for (const key of Object.keys(this.#config)) {
      if (this.#known.has(key)) continue;
      const names = [...new Set(this.#known.values())].join(', ');
      this.wrong(key, `is not a setting of ${this.#driver} (${names})`);
    }
    if (this.#issues.length === 0) return;
    const text = this.#issues.map(({ path, message }) => `config.${path} ${message}`).join('; ');
    throw new HoldfastError('DRIVER_CONFIG_INVALID', text, { details: { issues: this.#issues } });
  }

  #take(name: string): unknown {
    const snake = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    this.#known.set(name, name).set(snake, name);
    return this.#config[name] ?? this.#config[snake];
  }
}

const NO_NUL = 'must not contain NUL';

function faultOf(value: unknown, what: string): string {
  return typeof value === 'string' && !isPlainText(value) ? NO_NUL : `must be ${what}`;
}

export function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}
