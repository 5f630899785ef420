import { describe, expect, it } from 'vitest';
import type { HealthView } from '../../src/api.ts';
import type { TaskEvent } from '../../src/events/task-event.ts';
import { taskTable } from '../../src/machines/task-machine.ts';
import { healthView } from '../../src/projections/health-view.ts';
import { foldAll } from '../../src/testing/index.ts';
import type { CheckSpec } from '../../src/spec/check-spec.ts';
import { fact, historyTo, killing, served, T, taskSpec } from '../machines/stories.ts';

const check = (name: string, service?: string): CheckSpec => ({
  type: 'tcp',
  port: 80,
  name,
  ...(service !== undefined && { service }),
  intervalMs: 1_000,
  timeoutMs: 1_000,
});
const changed = (
  name: string,
  status: 'passing' | 'warning' | 'critical',
  service?: string,
): TaskEvent =>
  fact('CheckChanged', {
    check: name,
    status,
    output: `${name} is ${status}`,
    ...(service !== undefined && { service }),
  });
const SPEC = taskSpec({
  checks: [check('own'), check('one', 'web'), check('two', '${NOMAD_TASK_NAME}')],
});

function viewAfter(events: readonly TaskEvent[], spec = SPEC): HealthView {
  const state = foldAll(taskTable, [...historyTo('running'), ...events]);
  return healthView({ alloc: 'shop', allocId: 'a1' }, spec, state);
}

describe('the health of a task', () => {
  it('has each check of its spec, pending until it has spoken', () => {
    const { checks } = viewAfter([changed('own', 'warning')]);
    const at = new Date(T).toISOString();
    expect(checks.map(({ check: name, status, since }) => [name, status, since])).toEqual([
      ['own', 'warning', at],
      ['one', 'pending', null],
      ['two', 'pending', null],
    ]);
    expect(checks[0]).toMatchObject({ service: null, output: 'own is warning', run: 1 });
  });

  it.each([
    [[], 'pending'],
    [[changed('one', 'passing', 'web'), changed('own', 'critical')], 'pending'],
    [[changed('one', 'passing', 'web'), changed('two', 'passing', 'web')], 'passing'],
    [[changed('one', 'warning', 'web'), changed('two', 'passing', 'web')], 'warning'],
    [[changed('one', 'critical', 'web')], 'critical'],
  ])('has for a service the worst of its checks: %#', (events, status) => {
    const { services } = viewAfter([served(), ...events]);
    expect(services).toMatchObject([{ service: 'web', port: 80, status, isGroups: false }]);
  });

  it('has no status for a service that nobody checks', () => {
    expect(viewAfter([served()], taskSpec()).services).toMatchObject([{ status: null }]);
  });

  it('is nothing once the program is being ended', () => {
    const gone = fact('ServiceDeregistered', { service: 'web', reason: 'asked to' });
    expect(viewAfter([served(), changed('own', 'passing'), gone, killing()])).toEqual({
      services: [],
      checks: [],
    });
  });
});
