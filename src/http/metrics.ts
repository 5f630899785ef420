/** What there is in figures, in the text format of Prometheus. No ids as labels, unless single tasks are asked for. */
import { route, type Route } from './route.ts';
import type { AgentView, AllocView, Orchestrator, SinkView } from '../api.ts';

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

const TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export const METRICS_ROUTE: Route = route('GET /metrics', 'metrics', {
  summary: 'Figures of the agent, of allocs and tasks, and of what happened, for Prometheus',
  scope: 'read',
  query: { tasks: { type: 'flag', about: 'each task that is known, by alloc and name, too' } },
  types: [TYPE],
  serve: async ({ orchestrator, query, serviceEnds }) => {
    const counts = countsOf(orchestrator, serviceEnds);
    const [agent, allocs] = [await orchestrator.agent(), await orchestrator.allocs({ all: true })];
    const parts = [
      ...agentFigures(agent, orchestrator.recovery.tookMs),
      ...workFigures(allocs),
      metric('holdfast_events_total', 'counter', 'events since the first look at these', counts()),
      ...processFigures(),
      ...(query.tasks === true ? taskFigures(allocs) : []),
    ];
    return { text: parts.join(''), type: TYPE };
  },
});

function agentFigures(agent: AgentView, recoveryMs: number): readonly string[] {
  const { version, head, agentEpoch, drivers, startsHeld, outputWaiting } = agent;
  const sinks = (value: (sink: SinkView) => number): readonly Sample[] =>
    agent.sinks.map((sink) => sample(value(sink), { sink: sink.name, type: sink.type }));
  const drive = drivers.map(({ driver, health }) =>
    sample(Number(health === 'healthy'), { driver }),
  );
  const held = startsHeld.map((reason) => sample(1, { reason }));
  return [
    metric('holdfast_info', 'gauge', 'the agent', [sample(1, { version })]),
    metric('holdfast_agent_epoch', 'gauge', 'agents of this data directory', [sample(agentEpoch)]),
    metric('holdfast_store_head_position', 'gauge', 'the newest event', [sample(head)]),
    metric('holdfast_replay_seconds', 'gauge', 'the last opening', [sample(recoveryMs / 1000)]),
    metric('holdfast_driver_healthy', 'gauge', '1 or 0', drive),
    metric('holdfast_starts_held', 'gauge', 'why starts wait', held),
    metric('holdfast_output_waiting', 'gauge', 'outputs that cannot be written', [
      sample(outputWaiting.length),
    ]),
    ...(agent.sinks.length === 0
      ? []
      : [
          metric(
            'holdfast_sink_healthy',
            'gauge',
            '1 or 0',
            sinks(({ state }) => Number(state === 'delivering')),
          ),
          metric(
            'holdfast_sink_lag_events',
            'gauge',
            'behind the newest',
            sinks(({ lag }) => lag),
          ),
          metric(
            'holdfast_sink_sent_total',
            'counter',
            'events',
            sinks(({ sent }) => sent),
          ),
          metric(
            'holdfast_sink_failures_total',
            'counter',
            'tries',
            sinks((one) => one.failures),
          ),
        ]),
  ];
}

function workFigures(allocs: readonly AllocView[]): readonly string[] {
  const tasks = allocs.flatMap((alloc) => alloc.tasks);
  const states = allocs.map(({ state, type }) => ({ state, type }));
  const work = tasks.map(({ driver, state }) => ({ driver, state }));
  return [
    metric('holdfast_allocs', 'gauge', 'allocs that are known', tally(states)),
    metric('holdfast_tasks', 'gauge', 'tasks that are known', tally(work)),
  ];
}

function taskFigures(allocs: readonly AllocView[]): readonly string[] {
  const tasks = allocs.filter(({ isLive }) => isLive).flatMap((alloc) => alloc.tasks);
  const of = (value: (task: AllocView['tasks'][number]) => number): Sample[] =>
    tasks.map((task) => sample(value(task), { alloc: task.alloc, task: task.task }));
  return [
    metric(
      'holdfast_task_running',
      'gauge',
      '1 or 0',
      of(({ state }) => Number(state === 'running')),
    ),
    metric(
      'holdfast_task_restarts',
      'gauge',
      'of live allocs',
      of(({ restarts }) => restarts),
    ),
  ];
}

function processFigures(): readonly string[] {
  const { user, system } = process.cpuUsage();
  return [
    metric('process_cpu_seconds_total', 'counter', 'of the agent', [sample((user + system) / 1e6)]),
    metric('process_resident_memory_bytes', 'gauge', 'of the agent', [
      sample(process.memoryUsage.rss()),
    ]),
  ];
}

const counting = new WeakMap<Orchestrator, () => readonly Sample[]>();

/** Begins with the first look: an agent that nobody measures does not read its log for it. */
function countsOf(orchestrator: Orchestrator, signal: AbortSignal): () => readonly Sample[] {
  const known = counting.get(orchestrator);
  if (known !== undefined) return known;
  const counts = new Map<string, number>();
  const count = async (): Promise<void> => {
    for await (const { type } of orchestrator.events({ after: 'now', signal })) {
      counts.set(type, (counts.get(type) ?? 0) + 1);
    }
  };
  // It ends with the service, or with the log: whoever looks after that begins anew.
  void count()
    .catch(() => undefined)
    .finally(() => counting.delete(orchestrator));
  const told = (): readonly Sample[] => [...counts].map(([type, value]) => sample(value, { type }));
  counting.set(orchestrator, told);
  return told;
}

function sample(value: number, labels: Labels = {}): Sample {
  return { value, labels };
}

function tally(things: readonly Labels[]): readonly Sample[] {
  const counts = new Map<string, Sample>();
  for (const labels of things) {
    const key = JSON.stringify(labels);
    counts.set(key, sample((counts.get(key)?.value ?? 0) + 1, labels));
  }
  return [...counts.values()];
}

function metric(
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  samples: readonly Sample[],
): string {
  const lines = samples.map(({ labels, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
