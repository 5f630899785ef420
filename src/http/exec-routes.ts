/** Commands beside tasks over a WebSocket. What is said on it is in docs/guide/http.md, and only ever added to. */
import { HoldfastError } from '../errors.ts';
import { ExecConversation } from './exec-conversation.ts';
import { readBody, type Values } from './fields.ts';
import { route, type Call, type Route } from './route.ts';
import { terminalSize } from './terminal-size.ts';
import type { WebSocket } from 'ws';
import type { ExecOptions, Orchestrator } from '../api.ts';

const TASK = '/v1/allocs/{alloc}/tasks/{task}';

const OPEN = {
  argv: { type: 'list', about: 'program and arguments', isRequired: true },
  env: { type: 'object', about: 'variables over those of the task' },
  user: { type: 'text', about: 'USER or USER:GROUP' },
  cwd: { type: 'text', about: 'working directory' },
  terminal: { type: 'object', about: 'columns and rows: the command gets a terminal' },
} as const;

const AFTER = { after: { type: 'whole', about: 'output before this offset is known' } } as const;

export const EXEC_ROUTES: readonly Route[] = [
  route('GET /v1/allocs/{alloc}/exec', 'execAlloc', {
    summary: 'WebSocket: a command beside the only task of an alloc',
    scope: 'exec',
    converse: open,
    serve: refuse,
  }),
  route(`GET ${TASK}/exec`, 'execTask', {
    summary: 'WebSocket: a command beside a task',
    scope: 'exec',
    converse: open,
    serve: refuse,
  }),
  route('GET /v1/sessions/{session}', 'attach', {
    summary: 'WebSocket: goes on with a command; whoever read it stops reading',
    scope: 'exec',
    query: AFTER,
    converse: async (call, socket) => {
      const conversation = new ExecConversation(socket, call);
      const { orchestrator, ref, query } = call;
      await conversation.serve(async () => {
        const session = await orchestrator.attach(ref, query);
        try {
          await assertMay(call, `${session.allocId}/${session.task}`);
        } catch (error) {
          await session.detach();
          throw error;
        }
        return session;
      });
    },
    serve: refuse,
  }),
];

async function open(call: Call, socket: WebSocket): Promise<void> {
  const { orchestrator, ref, actor } = call;
  const conversation = new ExecConversation(socket, call, true);
  await conversation.serve(async () => {
    await assertMay(call, ref);
    const wish = readBody(await conversation.first('open'), OPEN) as Values<typeof OPEN>;
    // Without the signal: it would hang up what whoever went away may come back to.
    const options = { ...optionsOf(wish), actor };
    return orchestrator.exec(ref, wish.argv, options);
  });
}

async function refuse(): Promise<never> {
  const details = { status: 426 };
  throw new HoldfastError('USAGE', 'this is a WebSocket: holdfast.exec.v1', { details });
}

/** Beside a task that is not isolated a command is one of the machine. */
async function assertMay(
  { orchestrator, isolatedDrivers, assertScope }: Call,
  ref: string,
): Promise<void> {
  const driver = await driverOf(orchestrator, ref);
  if (!isolatedDrivers.includes(driver)) assertScope('exec:host');
}

async function driverOf(orchestrator: Orchestrator, ref: string): Promise<string> {
  const { tasks } = await orchestrator.inspect(ref);
  const name = ref.split('/')[1];
  const found = tasks.filter(({ task }) => name === undefined || task === name);
  const [task] = found;
  if (task !== undefined && found.length === 1) return task.driver;
  throw new HoldfastError('USAGE', `${ref} has ${found.length} tasks: name one`);
}

function optionsOf({ env, user, cwd, terminal }: Values<typeof OPEN>): ExecOptions {
  return {
    ...(env === undefined ? {} : { env: texts(env) }),
    ...(user === undefined ? {} : { user }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(terminal === undefined ? {} : { terminal: terminalSize(terminal) }),
  };
}

function texts(env: Readonly<Record<string, unknown>>): Record<string, string> {
  const all = Object.entries(env);
  const wrong = all.find(([, value]) => typeof value !== 'string');
  if (wrong !== undefined) throw new HoldfastError('USAGE', `env.${wrong[0]} is a text`);
  return Object.fromEntries(all as [string, string][]);
}
