/** Figures, as Prometheus reads them. */
import { expect, it } from 'vitest';
import { GROUP, httpRig } from './http-rig.ts';

const LINE =
  /^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)+)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

it('tells of the agent, of what runs and of what happened since the first look', async () => {
  await using rig = await httpRig();
  const { fake } = rig;
  await rig.call('POST /v1/allocs', { body: { spec: GROUP } });
  const told = { type: 'webhook', to: 'https://a', state: 'failing', position: 1 } as const;
  const figuresOf = { lag: 7, sent: 5, failures: 3, lastError: 'no', lastErrorAt: null };
  fake.sinks.push({ name: 'hook', ...told, ...figuresOf });
  const first = await rig.call('GET /metrics');
  expect(first.headers['content-type']).toContain('version=0.0.4');
  fake.add('TaskRestarting', { alloc: 'web', allocId: 'id-of-web', task: 'api', run: 1 });
  const figures = async (): Promise<string[]> =>
    (await rig.call('GET /metrics?tasks=true')).text.trimEnd().split('\n');
  await expect.poll(figures).toContain('holdfast_events_total{type="TaskRestarting"} 1');
  const lines = await figures();
  expect(lines).toEqual(
    expect.arrayContaining([
      'holdfast_allocs{state="running",type="service"} 1',
      'holdfast_tasks{driver="raw_exec",state="running"} 1',
      'holdfast_driver_healthy{driver="raw_exec"} 1',
      'holdfast_starts_held{reason="disk-low"} 1',
      'holdfast_output_waiting 1',
      'holdfast_sink_healthy{sink="hook",type="webhook"} 0',
      'holdfast_sink_lag_events{sink="hook",type="webhook"} 7',
      'holdfast_sink_sent_total{sink="hook",type="webhook"} 5',
      'holdfast_sink_failures_total{sink="hook",type="webhook"} 3',
      'holdfast_task_running{alloc="web",task="api"} 1',
      `holdfast_store_head_position ${fake.log.length}`,
    ]),
  );
  expect(lines.filter((line) => !line.startsWith('# ') && !LINE.test(line))).toEqual([]);
  expect(first.text).not.toContain('alloc="web"');
});

it('writes labels so that nothing of them is taken for syntax', async () => {
  await using rig = await httpRig();
  const agent = await rig.fake.agent();
  rig.fake.agent = async () => ({ ...agent, startsHeld: ['a "b"\\\nc'] });
  const { text } = await rig.call('GET /metrics');
  expect(text).toContain('holdfast_starts_held{reason="a \\"b\\"\\\\\\nc"} 1');
});
