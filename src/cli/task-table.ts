import { formatDuration } from '../spec/duration.ts';
import { printable, styled } from './output.ts';
import { formatTable } from './table.ts';
import type { PortView, TaskView, TaskViewState } from '../api.ts';
import type { Column } from './table.ts';

const STYLES: Partial<Record<TaskViewState, 'green' | 'red' | 'yellow' | 'dim'>> = {
  running: 'green',
  failed: 'red',
  lost: 'red',
  stuck: 'red',
  unknown: 'red',
  backoff: 'yellow',
  killing: 'yellow',
  held: 'yellow',
  complete: 'dim',
  stopped: 'dim',
};

/** The table of `ps`. `now` is milliseconds since the epoch. Nobody sees a column of ports where there are none. */
export function taskTable(
  tasks: readonly TaskView[],
  now: number,
  portsOf: (task: TaskView) => readonly PortView[] = () => [],
): string {
  const ports: Column<TaskView> = { title: 'PORTS', cell: (task) => portsText(portsOf(task)) };
  const hasAny = tasks.some((task) => portsOf(task).length > 0);
  return formatTable([...psColumns(now), ...(hasAny ? [ports] : [])], tasks);
}

/** `http=8080,admin=20412`. */
export function portsText(ports: readonly PortView[]): string {
  return ports.map(({ label, hostPort }) => `${label}=${hostPort}`).join() || '-';
}

/** The table of `inspect`: one alloc, with the reasons. */
export function reasonTable(tasks: readonly TaskView[], now: number): string {
  const [, , ...columns] = psColumns(now);
  return formatTable(
    [...columns, { title: 'REASON', cell: (task) => printable(task.reason) }],
    tasks,
  );
}

function psColumns(now: number): readonly Column<TaskView>[] {
  return [
    { title: 'ALLOC', cell: ({ alloc }) => alloc },
    { title: 'ID', cell: ({ allocId }) => allocId.slice(0, 8) },
    { title: 'TASK', cell: ({ task }) => task },
    { title: 'DRIVER', cell: ({ driver }) => driver },
    {
      title: 'STATE',
      cell: ({ state }) => state,
      style: (padded, { state }) => {
        const style = STYLES[state];
        return style === undefined ? padded : styled(style, padded);
      },
    },
    { title: 'RUN', cell: ({ run }) => String(run), isNumber: true },
    { title: 'PID', cell: ({ pid }) => String(pid ?? '-'), isNumber: true },
    { title: 'RESTARTS', cell: ({ restarts }) => String(restarts), isNumber: true },
    { title: 'UP', cell: (task) => upOf(task, now) },
  ];
}

/** How long it has been up, when it starts again, or how it ended: "2m11s", "in 4s", "exit 1, 3m ago". */
export function upOf(task: TaskView, now: number): string {
  if (task.nextStartAt !== null) return `in ${about(Date.parse(task.nextStartAt) - now)}`;
  if (task.pid !== null && task.startedAt !== null) return about(now - Date.parse(task.startedAt));
  const end = endOf(task);
  if (task.finishedAt === null) return end === '' ? '-' : end;
  const ago = `${about(now - Date.parse(task.finishedAt))} ago`;
  return end === '' ? ago : `${end}, ${ago}`;
}

function endOf({ oomKilled, signal, exitCode }: TaskView): string {
  if (oomKilled) return 'out of memory';
  if (signal !== null) return signal;
  return exitCode === null ? '' : `exit ${exitCode}`;
}

/** A duration in its two largest units: nobody reads the milliseconds of a day. */
function about(ms: number): string {
  const steps = [86_400_000, 3_600_000, 60_000, 1_000];
  const size = Math.max(0, ms);
  const largest = steps.findIndex((step) => size >= step);
  const unit = steps[Math.min(largest === -1 ? steps.length - 1 : largest + 1, steps.length - 1)];
  return formatDuration(Math.floor(size / (unit as number)) * (unit as number));
}
