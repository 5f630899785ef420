import { describe, expect, it } from 'vitest';
import { resolveSpec } from '../../src/spec/resolve-spec.ts';
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';
import type { TaskSpec } from '../../src/spec/task-spec.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';

type Task = GroupSpecInput['tasks'][number];

const network = { ports: { http: {} } };
const task = (more: Partial<Task> = {}, name = 'api'): Task => ({
  name,
  driver: 'raw_exec',
  ...more,
});

function resolved(tasks: readonly Task[], more: Partial<GroupSpecInput> = {}): readonly TaskSpec[] {
  return resolveSpec(validateGroup({ name: 'web', network, tasks: [...tasks], ...more })).tasks;
}

const script = { type: 'script', command: 'true' } as const;
const tcp = { type: 'tcp', port: 80 } as const;

describe('checks', () => {
  it('have the defaults, the name and the port of what they are checks of', () => {
    const http = { type: 'http' } as const;
    const checkRestart = { limit: 3 };
    const services = [{ name: 'web', port: 'http', checkRestart, checks: [http] }];
    const [found] = resolved([task({ checks: [script], services })]);
    expect(found?.services).toEqual([{ name: 'web', port: 'http' }]);
    expect(found?.checks).toEqual([
      {
        type: 'script',
        command: 'true',
        args: [],
        name: 'script check',
        intervalMs: 10_000,
        timeoutMs: 2_000,
      },
      {
        type: 'http',
        port: 'http',
        protocol: 'http',
        method: 'GET',
        path: '/',
        name: 'service: "web" check',
        service: 'web',
        intervalMs: 10_000,
        timeoutMs: 2_000,
        checkRestart: { limit: 3, graceMs: 1_000 },
      },
    ]);
  });

  it.each([
    [{ ...tcp, interval: '50ms' }, 'must be from 100ms to 1d'],
    [{ type: 'tcp' }, 'is needed: a label of one of the ports'],
    [{ type: 'tcp', port: 'other' }, 'names no port of the group (known: http)'],
    [{ type: 'tcp', port: 0 }, 'must be at least 1'],
    [{ ...tcp, onUpdate: 'ignore' }, 'there are none here: leave it out'],
    [{ ...tcp, on_update: 'ignore' }, 'there are none here: leave it out'],
    [{ ...tcp, addressMode: 'driver' }, 'is not a known key'],
    [{ type: 'grpc', port: 80 }, 'type'],
    [{ type: 'http', port: 80, path: 'health' }, 'must begin with "/"'],
    [{ type: 'http', port: 80, headers: { 'a b': 'x' } }, 'cannot name a header'],
    [{ type: 'http', port: 80, headers: { a: 'x\r\nb: y' } }, 'must be one line'],
    [{ type: 'http', port: 80, headers: { 'Content-Length': '7' } }, 'that the agent sets'],
    [{ type: 'http', port: 80, tlsSkipVerify: true }, 'needs the protocol "https"'],
    [{ ...script, checkRestart: { limit: 0 } }, 'limit'],
  ])('are refused with what is wrong: %j', (check, text) => {
    expect(() => resolved([task({ checks: [check as never] })])).toThrow(text);
  });

  it('of one name are refused, also when nobody gave it', () => {
    expect(() => resolved([task({ checks: [script, script] })])).toThrow('another "script check"');
  });
});

describe('services', () => {
  it.each([
    [{ name: 'web_1' }, 'must be 1 to 63 letters'],
    [{ name: 'web', provider: 'consul' }, 'any other provider means nothing here'],
    [{ name: 'web', connect: {} }, 'means nothing here'],
    [{ name: 'web', onReady: true }, 'waits for the checks of the service'],
    [{ name: 'web', port: 80, addressMode: 'alloc' }, 'say in port which label it has'],
    [{ name: 'web', addressMode: 'drivers' }, 'must be "auto", "host", "driver" or "alloc"'],
  ])('are refused with what is wrong: %j', (service, text) => {
    expect(() => resolved([task({ services: [service as never] })])).toThrow(text);
  });

  it.each([
    ['bridge', 'give it a label in network.ports, and write that'],
    ['none', 'leave it out, as nobody reaches a network of mode none'],
  ])('have no number for a port in a network of mode %s, and checks have', (mode, text) => {
    const services = [{ name: 'web', port: 80 }];
    const network = { mode };
    expect(() => resolved([task({ services })], { network })).toThrow(text);
    const [found] = resolved([task({ checks: [tcp] })], { network });
    expect(found?.checks).toMatchObject([{ type: 'tcp', port: 80 }]);
  });

  it('may have references in their names', () => {
    const [found] = resolved([task({ services: [{ name: '${NOMAD_TASK_NAME}-x' }] })]);
    expect(found?.services).toEqual([{ name: '${NOMAD_TASK_NAME}-x' }]);
  });

  it.each([
    ['names', { task: 'b' }, [task({}, 'a'), task({}, 'b')]],
    ['leads', {}, [task({}, 'a'), task({ leader: true }, 'b')]],
    ['is the only main one', {}, [task({ lifecycle: { hook: 'prestart' } }, 'a'), task({}, 'b')]],
  ])('of a group are given by the task that it %s', (_how, more, tasks) => {
    const services = [{ name: 'web', checks: [script], ...more }];
    expect(resolved(tasks, { services }).map((one) => one.services)).toEqual([
      undefined,
      [{ name: 'web', isGroups: true }],
    ]);
  });

  it('of a group are refused where nobody can tell who gives them', () => {
    const both = [task({}, 'a'), task({}, 'b')];
    const services = [{ name: 'web' }];
    expect(() => resolved(both, { services })).toThrow('needs a task that gives it');
    const named = [{ name: 'web', task: 'c' }];
    expect(() => resolved(both, { services: named })).toThrow('names no task of the group');
    const own = [task({ services: [{ name: 'web' }] })];
    expect(() => resolved(own, { services })).toThrow('there is another "web"');
  });
});
