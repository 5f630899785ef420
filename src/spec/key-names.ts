/**
 * Keys as users write them. One walk over the input beside the schema: the snake_case form of a known key becomes the
 * key itself, both forms at once and unknown keys are problems. The keys of free
 * maps (`config`, `env`, `meta`, `labels`, `volumes`) stay as they are.
 */
import type { z } from 'zod';
import { closest } from './closest.ts';

export type KeyPath = readonly (string | number)[];

export interface KeyProblem {
  /** Ends with the key as it was written. */
  readonly path: KeyPath;
  readonly text: string;
}

/** The same input with every known key in camelCase; each problem is added to `problems`. */
export function withKnownKeys(
  schema: z.core.$ZodType,
  input: unknown,
  problems: KeyProblem[],
  path: KeyPath = [],
): unknown {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'prefault':
      return withKnownKeys(def.innerType, input, problems, path);
    case 'array':
      if (!Array.isArray(input)) return input;
      return input.map((item, index) =>
        withKnownKeys(def.element, item, problems, [...path, index]),
      );
    case 'record':
      if (!isObject(input)) return input;
      return Object.fromEntries(
        Object.entries(input).map(([key, item]) => [
          key,
          withKnownKeys(def.valueType, item, problems, [...path, key]),
        ]),
      );
    case 'union':
      return withKnownKeys(optionOf(def.options, input), input, problems, path);
    case 'object':
      return isObject(input) ? knownFields(def.shape, input, problems, path) : input;
    default:
      return input;
  }
}

/** The member of a discriminated union that an input names by its `type`, else the first. */
function optionOf(options: readonly z.core.$ZodType[], input: unknown): z.core.$ZodType {
  const named = options.find((option) => {
    const def = (option as z.core.$ZodTypes)._zod.def;
    if (def.type !== 'object' || !isObject(input)) return false;
    return (def.shape['type'] as z.core.$ZodType)._zod.values?.has(input['type'] as string);
  });
  return named ?? (options[0] as z.core.$ZodType);
}

type Fields = Readonly<Record<string, z.core.$ZodType>>;

function knownFields(
  shape: Fields,
  input: Readonly<Record<string, unknown>>,
  problems: KeyProblem[],
  path: KeyPath,
): Record<string, unknown> {
  const known = Object.keys(shape);
  const bySnake = new Map(known.map((key) => [snakeCase(key), key]));
  const fields: Record<string, unknown> = {};
  for (const written of Object.keys(input)) {
    const here = [...path, written];
    const key = known.includes(written) ? written : bySnake.get(written);
    if (key === undefined) {
      const near = closest(written, [...known, ...bySnake.keys()]);
      const meant = near === undefined ? '' : ` Did you mean ${bySnake.get(near) ?? near}?`;
      problems.push({ path: here, text: `is not a known key.${meant}` });
    } else if (key !== written && Object.hasOwn(input, key)) {
      problems.push({ path: here, text: `is the same key as ${key}: write one of the two` });
    } else {
      fields[key] = withKnownKeys(shape[key] as z.core.$ZodType, input[written], problems, here);
    }
  }
  return fields;
}

/** The path of a checked value as it was written: `kill_timeout` where the input says so. */
export function writtenPath(input: unknown, path: KeyPath): KeyPath {
  let value = input;
  return path.map((step) => {
    const isKnown = typeof step === 'number' || !isObject(value) || Object.hasOwn(value, step);
    const snake = snakeCase(String(step));
    const written = isKnown || !isObject(value) || !Object.hasOwn(value, snake) ? step : snake;
    value = isIndexable(value) ? value[written] : undefined;
    return written;
  });
}

/** `tasks[0].env.HOME`; a key that is no plain word stands in brackets and quotes. */
export function pathText(path: KeyPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!/^[A-Za-z_$][\w$-]*$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return isIndexable(value) && !Array.isArray(value);
}

function isIndexable(value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null;
}
