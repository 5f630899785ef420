/** The document says what there is: each route, each field, and that by which requests are refused. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ROUTES } from '../../src/http/routes.ts';
import { httpRig, type HttpRig } from './http-rig.ts';

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { schema: { required: string[] } }>>;
  };
  readonly security?: readonly unknown[];
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

let rig: HttpRig;
let paths: Paths;
beforeEach(async () => {
  rig = await httpRig();
  const { json } = await rig.call('GET /v1/openapi.json', { token: '' });
  expect(json).toMatchObject({ openapi: '3.1.0', info: { title: 'Holdfast agent' } });
  ({ paths } = json);
});
afterEach(() => rig[Symbol.asyncDispose]());

const operations = (): [string, Operation][] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      one,
    ]),
  );

it('has every route once, under a name of its own', () => {
  const told = operations().map(([at]) => at);
  expect(told.toSorted()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).toSorted());
  const names = operations().map(([, { operationId }]) => operationId);
  expect(new Set(names).size).toBe(names.length);
});

it('names every piece of a path and every field of a query', () => {
  for (const { method, path, query } of ROUTES) {
    const pieces = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const { parameters = [] } = paths[path]?.[method.toLowerCase()] ?? {};
    expect(parameters.map(({ name }) => name)).toEqual([...pieces, ...Object.keys(query)]);
  }
});

it('is true of what needs no token', async () => {
  const open = operations().filter(([, { security }]) => security?.length === 0);
  for (const [at] of operations()) {
    const path = at.replace(/\{\w+\}/g, 'x');
    const { status } = await rig.call(path, { token: '' });
    const isOpen = open.some(([one]) => one === at);
    expect([at, status === 401]).toEqual([at, !isOpen]);
  }
  expect(open.map(([at]) => at).toSorted()).toEqual([
    'GET /v1/health/live',
    'GET /v1/health/ready',
    'GET /v1/openapi.json',
  ]);
});

it('is true of what a body has to have', async () => {
  for (const [at, { requestBody }] of operations()) {
    const { required = [] } = requestBody?.content['application/json']?.schema ?? {};
    const [first] = required;
    if (first === undefined) continue;
    const { status, text } = await rig.call(at.replace(/\{\w+\}/g, 'x'), { body: {} });
    expect([at, status, text.includes(`${first} is missing`)]).toEqual([at, 400, true]);
  }
});
