import { printable, styled } from './output.ts';
import type { PublicEvent } from '../api.ts';

const DETAIL_LIMIT = 120;

/** One event for a person: position, local time, whom it is about, what, and the short facts. */
export function eventLine(event: PublicEvent): string {
  const { position, time, alloc, task, type, run, data } = event;
  const about = alloc === null ? refOf(data) : task === null ? alloc : `${alloc}/${task}`;
  const facts = [...(run > 0 ? [`run=${run}`] : []), ...factsOf(data)].join(' ');
  const detail = facts.length > DETAIL_LIMIT ? `${facts.slice(0, DETAIL_LIMIT - 1)}…` : facts;
  const columns = [
    String(position).padStart(6),
    styled('dim', localTime(time)),
    about.padEnd(20),
    styled(colourOf(type), type.padEnd(19)),
    detail,
  ];
  return `${columns.join('  ').trimEnd()}\n`;
}

/** Commands are about something that somebody named. */
function refOf(data: unknown): string {
  const isNamed = typeof data === 'object' && data !== null && 'actor' in data && 'ref' in data;
  return isNamed && typeof data.ref === 'string' ? printable(data.ref) : 'node';
}

/** Identities that nobody reads aloud; they are in --jsonl. */
const FOR_MACHINES = new Set([
  'ref',
  'instanceId',
  'launchKey',
  'machineEpoch',
  'mark',
  'specHash',
  'startTime',
  'token',
]);
/** Fields that hold milliseconds since the epoch. */
const TIME = /^(at|deadline|.*At|intervalStart)$/;

/** Plain values and commands only: specs and environments are for --jsonl too. */
function factsOf(data: unknown): string[] {
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).flatMap(([key, stored]: [string, unknown]) => {
    const value = key === 'argv' && Array.isArray(stored) ? stored.join(' ') : nameOf(stored);
    if (FOR_MACHINES.has(key) || value === '') return [];
    if (typeof value === 'number' && TIME.test(key)) return [`${key}=${localTime(value)}`];
    if (!['string', 'number', 'boolean'].includes(typeof value)) return [];
    const text = printable(String(value));
    return [`${key}=${text.includes(' ') ? JSON.stringify(text) : text}`];
  });
}

/** Of an actor what he is called. */
function nameOf(stored: unknown): unknown {
  if (typeof stored !== 'object' || stored === null || !('via' in stored)) return stored;
  const name = 'name' in stored ? stored.name : '';
  return `${String(stored.via)}:${String(name)}`;
}

function colourOf(type: string): 'red' | 'green' | 'cyan' {
  if (/Failed|Lost|Stuck|Damaged|Quarantined|Escalated|Refused/.test(type)) return 'red';
  return /Started|Reattached|Completed/.test(type) ? 'green' : 'cyan';
}

/** `10:14:03.120` of the reader's day. */
export function localTime(time: string | number): string {
  const at = new Date(time);
  const two = (part: number): string => String(part).padStart(2, '0');
  const ms = String(at.getMilliseconds()).padStart(3, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}
