/** What is looked at: views as they stand, and what can be told of the past. */
import type { HoldfastError } from '../errors.ts';
import { route, type Answer, type Route } from './route.ts';

const AT = { type: 'whole', about: 'as it was at this position of the log' } as const;
const ALLOC = '/v1/allocs/{alloc}';
const TASK = '/v1/allocs/{alloc}/tasks/{task}';

const json = async (value: Promise<unknown>): Promise<Answer> => ({ json: await value });

export const VIEW_ROUTES: readonly Route[] = [
  route('GET /v1/agent', 'agent', {
    summary: 'The agent, its drivers and what the machine can do',
    scope: 'read',
    serve: ({ orchestrator }) => json(orchestrator.agent()),
  }),
  route('GET /v1/recovery', 'recovery', {
    summary: 'What the agent found when it opened its log',
    scope: 'read',
    serve: async ({ orchestrator }) => ({ json: orchestrator.recovery }),
  }),
  route('GET /v1/allocs', 'listAllocs', {
    summary: 'Live allocs, oldest first',
    scope: 'read',
    query: { all: { type: 'flag', about: 'those that have ended too' } },
    serve: ({ orchestrator, query }) => json(orchestrator.allocs(query)),
  }),
  route('GET /v1/services', 'listServices', {
    summary: 'Services and checks of everything that runs',
    scope: 'read',
    serve: ({ orchestrator }) => json(orchestrator.health()),
  }),
  route(`GET ${ALLOC}`, 'inspectAlloc', {
    summary: 'An alloc with its tasks',
    scope: 'read',
    query: { at: AT },
    serve: ({ orchestrator, ref, query }) => json(orchestrator.inspect(ref, query)),
  }),
  route(`GET ${TASK}`, 'inspectTask', {
    summary: 'A task',
    scope: 'read',
    query: { at: AT },
    serve: async ({ orchestrator, ref, query }) => {
      const { tasks } = await orchestrator.inspect(ref, query);
      return { json: tasks.find(({ task }) => task === ref.split('/')[1]) };
    },
  }),
  route(`GET ${TASK}/env`, 'taskEnv', {
    summary: 'What a program finds in its environment, and where each variable comes from',
    scope: 'read',
    serve: ({ orchestrator, ref }) => json(orchestrator.env(ref)),
  }),
  route(`GET ${TASK}/nomad-events`, 'taskNomadEvents', {
    summary: 'Events of a task in the types and texts of Nomad, the newest ten',
    scope: 'read',
    query: { all: { type: 'flag', about: 'every one' } },
    serve: async ({ orchestrator, ref, query }) => {
      const [alloc = '', task = ''] = ref.split('/');
      await orchestrator.inspect(ref);
      return json((await orchestrator.alloc(alloc)).task(task).nomadEvents(query));
    },
  }),
  ...[ALLOC, TASK].flatMap(ofBoth),
];

/** What may be asked of an alloc and of a task alike. */
function ofBoth(path: string): readonly Route[] {
  const [what, of] = path === ALLOC ? ['Alloc', 'an alloc'] : ['Task', 'a task'];
  return [
    route(`GET ${path as '/'}/services`, `list${what}Services`, {
      summary: `Services and checks of ${of}`,
      scope: 'read',
      serve: ({ orchestrator, ref }) => json(orchestrator.health(ref)),
    }),
    route(`GET ${path as '/'}/history`, `history${what}`, {
      summary: `Every event of ${of}, with the states it led to`,
      scope: 'read',
      serve: ({ orchestrator, ref }) => json(orchestrator.history(ref)),
    }),
    route(`GET ${path as '/'}/why`, `why${what}`, {
      summary: `From the newest fact about ${of} back to what set it off`,
      scope: 'read',
      serve: ({ orchestrator, ref }) => json(orchestrator.why(ref)),
    }),
    route(`GET ${path as '/'}/wait`, `wait${what}`, {
      summary: `Answers when ${of} will not run again`,
      scope: 'read',
      serve: async ({ orchestrator, ref, signal }) => {
        const [alloc = '', task] = ref.split('/');
        await orchestrator.inspect(ref);
        const handle = await orchestrator.alloc(alloc);
        return json(
          task === undefined ? handle.wait({ signal }) : handle.task(task).wait({ signal }),
        );
      },
    }),
  ];
}

/** Whoever keeps agents alive asks this; it tells no stranger anything. */
export const HEALTH_ROUTES: readonly Route[] = [
  route('GET /v1/health/live', 'live', {
    summary: 'The process answers',
    scope: undefined,
    serve: async () => ({ json: { status: 'ok' } }),
  }),
  route('GET /v1/health/ready', 'ready', {
    summary: 'The log can be written and a driver is healthy; else 503',
    scope: undefined,
    serve: async ({ orchestrator }) => {
      const reason = await orchestrator.agent().then(
        ({ drivers }) =>
          drivers.some(({ health }) => health === 'healthy') ? '' : 'no driver is healthy',
        (error: HoldfastError) => error.code,
      );
      if (reason === '') return { json: { status: 'ok' } };
      return { json: { status: 'not ready', reason }, status: 503 };
    },
  }),
];
