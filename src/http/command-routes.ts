/** What is done: each is one call of the `Orchestrator`. */
import { HoldfastError } from '../errors.ts';
import type { GroupSpecInput } from '../spec/group-schema.ts';
import { route, type Call, type Route } from './route.ts';

const ALLOC = '/v1/allocs/{alloc}';
const TASK = '/v1/allocs/{alloc}/tasks/{task}';

const SPEC = { type: 'object', about: 'the group, as in its file', isRequired: true } as const;
const ALLOC_ID = { type: 'text', about: 'the alloc that is meant, given by a scheduler' } as const;

const NOTHING = { json: undefined };

export const COMMAND_ROUTES: readonly Route[] = [
  route('POST /v1/allocs', 'run', {
    summary: 'Accepts a group and starts it, or makes its live alloc what it says',
    scope: 'write',
    body: {
      spec: SPEC,
      allocId: ALLOC_ID,
      requestId: {
        type: 'text',
        about:
          'a uuid: asked again with it, the answer is the same alloc; or header Idempotency-Key',
      },
      ifVersion: { type: 'whole', about: 'only if it is at this version; or header If-Match' },
      identity: { type: 'object', about: 'what a scheduler calls the alloc' },
      payload: { type: 'bytes', about: 'for the tasks that ask for it, base64, at most 16 KiB' },
    },
    serve: async ({ orchestrator, body, headers, signal }) => {
      const { spec, identity, ...rest } = body;
      const given = identity === undefined ? {} : { identity };
      const options = { ...fromHeaders(headers), ...rest, ...given, signal };
      const { alloc, allocId } = await orchestrator.run(spec as unknown as GroupSpecInput, options);
      return { json: { alloc, allocId } };
    },
  }),
  route('POST /v1/plan', 'plan', {
    summary: 'What running a group would do; changes nothing',
    scope: 'read',
    body: { spec: SPEC, allocId: ALLOC_ID },
    serve: async ({ orchestrator, body: { spec, ...options } }) => ({
      json: await orchestrator.plan(spec as unknown as GroupSpecInput, options),
    }),
  }),
  route('POST /v1/gc', 'gc', {
    summary:
      'Lets go of allocs that have ended, as far as the rules of the agent say so, or of all',
    scope: 'write',
    body: {
      all: { type: 'flag', about: 'every one that has ended' },
      dryRun: { type: 'flag', about: 'nothing is removed: what would be' },
    },
    serve: async ({ orchestrator, body }) => ({ json: await orchestrator.gc(body) }),
  }),
  route(`DELETE ${ALLOC}`, 'removeAlloc', {
    summary: 'Lets go of one alloc that has ended',
    scope: 'write',
    query: { dryRun: { type: 'flag', about: 'nothing is removed: what would be' } },
    serve: async ({ orchestrator, ref, query }) => ({
      json: await orchestrator.gc({ ref, ...query }),
    }),
  }),
  route(`POST ${ALLOC}/restart`, 'restartAlloc', {
    summary: 'Restarts the tasks that run, or begins the whole alloc anew',
    scope: 'write',
    body: { tasks: { type: 'text', about: 'which', words: ['running', 'all'] } },
    serve: async ({ orchestrator, ref, body }) => {
      await orchestrator.restart(ref, body);
      return NOTHING;
    },
  }),
  route(`POST ${TASK}/restart`, 'restartTask', {
    summary: 'Restarts a task that runs',
    scope: 'write',
    serve: async ({ orchestrator, ref }) => {
      await orchestrator.restart(ref);
      return NOTHING;
    },
  }),
  ...ofBoth(ALLOC, 'Alloc', 'an alloc'),
  ...ofBoth(TASK, 'Task', 'a task'),
  route('POST /v1/agent/shutdown', 'shutDown', {
    summary: 'Ends the agent',
    scope: 'admin',
    body: {
      tasks: { type: 'text', about: 'leave, the default: they go on', words: ['stop', 'leave'] },
    },
    serve: async ({ orchestrator, body, shutDown }) => {
      await orchestrator.close({ tasks: body.tasks ?? 'leave' });
      shutDown();
      return NOTHING;
    },
  }),
];

function ofBoth(path: string, what: string, of: string): readonly Route[] {
  return [
    route(`POST ${path as '/'}/stop`, `stop${what}`, {
      summary: `Ends ${of}; answers when it has ended`,
      scope: 'write',
      body: {
        reason: { type: 'text', about: 'for the log' },
        shutdownDelay: { type: 'text', about: 'skip: nobody waits', words: ['keep', 'skip'] },
      },
      serve: async ({ orchestrator, ref, body, signal }) => ({
        json: await orchestrator.stop(ref, { ...body, signal }),
      }),
    }),
    route(`POST ${path as '/'}/resume`, `resume${what}`, {
      summary: `Lets ${of} that is held go on`,
      scope: 'write',
      serve: async ({ orchestrator, ref }) => {
        await orchestrator.resume(ref);
        return NOTHING;
      },
    }),
    route(`POST ${path as '/'}/signal`, `signal${what}`, {
      summary: `Sends a signal to what runs of ${of}`,
      scope: 'write',
      body: { signal: { type: 'text', about: 'such as SIGHUP', isRequired: true } },
      serve: async ({ orchestrator, ref, body }) => {
        await orchestrator.signal(ref, body.signal);
        return NOTHING;
      },
    }),
  ];
}

function fromHeaders(headers: Call['headers']): { requestId?: string; ifVersion?: number } {
  const key = headers['idempotency-key'];
  const match = headers['if-match'];
  if (match !== undefined && !/^"?\d{1,15}"?$/.test(match)) {
    throw new HoldfastError('USAGE', 'If-Match is the version of the alloc, such as "3"');
  }
  return {
    ...(typeof key === 'string' && { requestId: key }),
    ...(match !== undefined && { ifVersion: Number(match.replaceAll('"', '')) }),
  };
}
