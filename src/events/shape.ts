/**
 * Shapes: what a JSON value must look like, as data. One declaration gives the type and the check, so the stored
 * vocabulary cannot drift from its types. Small on purpose: it runs for every event that is written or read.
 */

export interface Shape<T> {
  /** The first thing wrong with `value`, as `path: expected …`, or undefined when it fits. */
  readonly fault: (value: unknown, path: string) => string | undefined;
  readonly isOptional?: boolean;
  /** Never set; carries the type. */
  readonly type?: T;
}

export type TypeOf<S> = S extends Shape<infer T> ? T : never;

function check<T>(expected: string, fits: (value: unknown) => boolean): Shape<T> {
  return { fault: (value, path) => (fits(value) ? undefined : `${path}: expected ${expected}`) };
}

export const text = check<string>('a string', (value) => typeof value === 'string');
export const flag = check<boolean>('true or false', (value) => typeof value === 'boolean');
export const whole = check<number>('a whole number', (value) => Number.isSafeInteger(value));
export const anyJson = check<unknown>('a value', (value) => value !== undefined);

export function oneOf<const T extends string>(...words: readonly T[]): Shape<T> {
  return check<T>(`one of ${words.join(', ')}`, (value) => words.includes(value as T));
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return { fault: (value, path) => (value === null ? undefined : shape.fault(value, path)) };
}

/** Only as a field of `fields`: the key may be missing. */
export function optional<T>(shape: Shape<T>): Shape<T> & { readonly isOptional: true } {
  return { fault: shape.fault, isOptional: true };
}

export function list<T>(shape: Shape<T>): Shape<readonly T[]> {
  return {
    fault(value, path) {
      if (!Array.isArray(value)) return `${path}: expected a list`;
      for (let index = 0; index < value.length; index += 1) {
        const fault = shape.fault(value[index], `${path}[${index}]`);
        if (fault !== undefined) return fault;
      }
      return undefined;
    },
  };
}

export function record<T>(shape: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return {
    fault(value, path) {
      if (!isPlainObject(value)) return `${path}: expected an object`;
      for (const key of Object.keys(value)) {
        const fault = shape.fault(value[key], `${path}.${key}`);
        if (fault !== undefined) return fault;
      }
      return undefined;
    },
  };
}

type Fields = Readonly<Record<string, Shape<unknown>>>;
type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends { readonly isOptional: true } ? K : never;
}[keyof F];
export type FieldsOf<F extends Fields> = {
  readonly [K in Exclude<keyof F, OptionalKeys<F>>]: TypeOf<F[K]>;
} & { readonly [K in OptionalKeys<F>]?: TypeOf<F[K]> };

/** An object with these fields and no others. */
export function fields<const F extends Fields>(shapes: F): Shape<FieldsOf<F>> {
  const keys = Object.keys(shapes);
  return {
    fault(value, path) {
      if (!isPlainObject(value)) return `${path}: expected an object`;
      for (const key of keys) {
        const shape = shapes[key] as Shape<unknown>;
        if (value[key] === undefined) {
          if (shape.isOptional === true) continue;
          return `${path}.${key}: missing`;
        }
        const fault = shape.fault(value[key], `${path}.${key}`);
        if (fault !== undefined) return fault;
      }
      for (const key of Object.keys(value)) {
        if (!Object.hasOwn(shapes, key)) return `${path}.${key}: not a known field`;
      }
      return undefined;
    },
  };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
