/** A plan for people, in the manner of `nomad job plan`: `+` comes, `-` goes, `~` changes. */
import type { FieldChange, GroupPlan, TaskPlan } from '../api.ts';
import { printable, styled } from './output.ts';

const SIGNS = {
  create: '+',
  add: '+',
  added: '+',
  remove: '-',
  removed: '-',
  none: ' ',
  'in-place': '~',
  restart: '~',
  replace: '~',
  changed: '~',
} as const satisfies Readonly<
  Record<GroupPlan['action'] | TaskPlan['action'] | FieldChange['kind'], string>
>;
const STYLES = { '+': 'green', '-': 'red', '~': 'yellow', ' ': 'dim' } as const;

const OUTCOMES: Readonly<Record<GroupPlan['action'], string>> = {
  create: 'a new alloc',
  none: 'nothing to do',
  'in-place': 'update in place',
  restart: 'restart of tasks',
  replace: 'another alloc, which begins when this one has ended',
};

export function planText(plan: GroupPlan): string {
  const { alloc, allocId, version, action, beginsAnew, changes, tasks } = plan;
  const of = allocId === null ? '' : ` (${allocId}, version ${version})`;
  const outcome = beginsAnew ? 'the alloc begins anew, with all its tasks' : OUTCOMES[action];
  const lines = [
    line(0, SIGNS[action], `${alloc}${of}: ${outcome}`),
    ...changes.map((change) => changeText(1, change)),
    ...tasks.flatMap(taskLines),
  ];
  return `${lines.join('\n')}\n`;
}

function taskLines({ task, action, changes }: TaskPlan): readonly string[] {
  const what = action === 'none' ? '' : `: ${action}`;
  return [
    line(1, SIGNS[action], `task ${task}${what}`),
    ...changes.map((change) => changeText(2, change)),
  ];
}

function changeText(depth: number, { kind, field, before, after, action }: FieldChange): string {
  const values = [before, after].filter((text) => text !== undefined).join(' -> ');
  return line(depth, SIGNS[kind], `${field}: ${values}  (${action})`);
}

function line(depth: number, sign: keyof typeof STYLES, text: string): string {
  return `${'  '.repeat(depth)}${styled(STYLES[sign], `${sign} ${printable(text)}`)}`;
}
