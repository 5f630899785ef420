/** The OpenAPI 3.1 document, made of the routes by which requests are checked, so that it cannot say anything else. */
import { ERROR_CODES } from '../errors.ts';
import { PACKAGE_VERSION } from '../version.ts';
import { route, type Route } from './route.ts';
import type { Field, Fields } from './fields.ts';

type Json = Readonly<Record<string, unknown>>;

const PIECES: Readonly<Record<string, string>> = {
  alloc: 'a name, an allocId or the unique beginning of one',
  task: 'the name of a task',
  session: 'as told in opened',
};

/** `all` is asked for with the first call: the route is one of them. */
export function openApiRoute(all: () => readonly Route[]): Route {
  return route('GET /v1/openapi.json', 'openApi', {
    summary: 'This document',
    scope: undefined,
    serve: async () => ({ json: openApi(all()) }),
  });
}

function openApi(routes: readonly Route[]): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const one of routes) (paths[one.path] ??= {})[one.method.toLowerCase()] = operationOf(one);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast agent',
      version: PACKAGE_VERSION,
      description: 'What the library can do, over HTTP. Views are those of its types.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      responses: { Error: { description: 'an error', content: json(ref('schemas/Error')) } },
      schemas: { Error: errorSchema() },
    },
  };
}

function operationOf({ operation, summary, scope, path, query, body, ...more }: Route): Json {
  const { method, types, converse } = more;
  const pieces = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: PIECES[name],
    schema: { type: 'string' },
  }));
  const asked = Object.entries(query).map(([name, field]) => ({
    name,
    in: 'query',
    description: field.about,
    schema: schemaOf(field),
    ...(field.type === 'list' ? { style: 'form', explode: false } : {}),
  }));
  const done = converse === undefined ? { 200: answered(types), 204: { description: 'done' } } : {};
  const switched = converse === undefined ? {} : { 101: { description: 'holdfast.exec.v1' } };
  const rights = scope === undefined ? { security: [] } : { 'x-holdfast-scope': scope };
  return {
    operationId: operation,
    summary,
    ...rights,
    parameters: [...pieces, ...asked],
    ...(method === 'POST' ? { requestBody: bodyOf(body) } : {}),
    responses: { ...done, ...switched, default: ref('responses/Error') },
  };
}

function answered(types: readonly string[]): Json {
  const content = Object.fromEntries(types.map((type) => [type, {}]));
  return { description: 'the answer', content };
}

function bodyOf(fields: Fields): Json {
  const properties = Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      { description: field.about, ...schemaOf(field) },
    ]),
  );
  const required = Object.keys(fields).filter((name) => fields[name]?.isRequired === true);
  const schema = { type: 'object', properties, required, additionalProperties: false };
  return { required: required.length > 0, content: json(schema) };
}

function schemaOf({ type, words }: Field): Json {
  switch (type) {
    case 'flag':
      return { type: 'boolean' };
    case 'whole':
      return { type: 'integer', minimum: 0 };
    case 'object':
      return { type: 'object' };
    case 'list':
      return { type: 'array', items: { type: 'string' } };
    case 'bytes':
      return { type: 'string', contentEncoding: 'base64' };
    case 'run':
      return { anyOf: [{ type: 'integer', minimum: 1 }, { enum: ['last', 'all'] }] };
    default:
      return { type: 'string', ...(words === undefined ? {} : { enum: words }) };
  }
}

function errorSchema(): Json {
  const properties = {
    code: { enum: Object.keys(ERROR_CODES) },
    message: { type: 'string' },
    retryable: { type: 'boolean' },
    details: { type: 'object' },
  };
  const error = { type: 'object', properties, required: Object.keys(properties) };
  return { type: 'object', properties: { error }, required: ['error'] };
}

function json(schema: Json): Json {
  return { 'application/json': { schema } };
}

function ref(what: string): Json {
  return { $ref: `#/components/${what}` };
}
