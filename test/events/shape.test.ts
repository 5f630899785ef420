import { describe, expect, it } from 'vitest';
import {
  anyJson,
  fields,
  flag,
  list,
  nullable,
  oneOf,
  optional,
  record,
  text,
  whole,
} from '../../src/events/shape.ts';

const shape = fields({
  name: text,
  count: whole,
  isOn: flag,
  mode: oneOf('a', 'b'),
  note: optional(text),
  end: nullable(whole),
  tags: list(text),
  labels: record(whole),
  rest: anyJson,
});
const good = {
  name: 'n',
  count: 1,
  isOn: true,
  mode: 'a',
  end: null,
  tags: ['t'],
  labels: { l: 1 },
  rest: null,
};

describe('a shape', () => {
  it('accepts what fits, with and without its optional fields', () => {
    expect(shape.fault(good, 'data')).toBeUndefined();
    expect(shape.fault({ ...good, note: 'x', end: 3 }, 'data')).toBeUndefined();
  });

  it.each([
    [{ name: 1 }, 'data.name: expected a string'],
    [{ count: 1.5 }, 'data.count: expected a whole number'],
    [{ count: 2 ** 53 }, 'data.count: expected a whole number'],
    [{ isOn: 'yes' }, 'data.isOn: expected true or false'],
    [{ mode: 'c' }, 'data.mode: expected one of a, b'],
    [{ note: null }, 'data.note: expected a string'],
    [{ end: 'x' }, 'data.end: expected a whole number'],
    [{ tags: ['t', 2] }, 'data.tags[1]: expected a string'],
    [{ tags: {} }, 'data.tags: expected a list'],
    [{ labels: { l: 'x' } }, 'data.labels.l: expected a whole number'],
    [{ labels: [] }, 'data.labels: expected an object'],
    [{ rest: undefined }, 'data.rest: missing'],
    [{ more: 1 }, 'data.more: not a known field'],
  ])('names the path of what is wrong in %j', (change, fault) => {
    expect(shape.fault({ ...good, ...change }, 'data')).toBe(fault);
  });

  it.each([null, [], 'text', undefined])('is not %j when it is an object', (value) => {
    expect(shape.fault(value, 'data')).toBe('data: expected an object');
  });
});
