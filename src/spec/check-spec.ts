/** A check with every default applied. JSON-safe: it stands in the log. Absent: as Nomad and Consul have it. */
import { durationMs } from './duration.ts';
import type { CheckedCheck } from './check-schema.ts';

/** A label of the group's ports, or a number. */
export type PortName = string | number;

/** How the program is looked at. */
export type CheckProbe =
  /** A command beside the program: 0 is passing, 1 a warning, anything else critical. */
  | { readonly type: 'script'; readonly command: string; readonly args: readonly string[] }
  | HttpProbe
  /** A connection can be opened. */
  | { readonly type: 'tcp'; readonly port: PortName };

export interface HttpProbe {
  readonly type: 'http';
  readonly port: PortName;
  readonly protocol: 'http' | 'https';
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Left out: 2xx is passing, 429 a warning, anything else critical. */
  readonly expect?: { readonly status?: readonly number[]; readonly body?: string };
  readonly tlsSkipVerify?: true;
  readonly tlsServerName?: string;
}

export interface CheckRestart {
  readonly limit: number;
  readonly graceMs: number;
  readonly ignoreWarnings?: true;
}

export type CheckSpec = CheckProbe & {
  /** Of all checks of a task no two have the same. */
  readonly name: string;
  /** The service that it is a check of, as its name is written. Left out: the task's own. */
  readonly service?: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs?: number;
  readonly initialStatus?: 'passing' | 'warning' | 'critical';
  readonly successBeforePassing?: number;
  readonly failuresBeforeCritical?: number;
  readonly checkRestart?: CheckRestart;
};

/** What a check has from whom it belongs to. */
export interface CheckOwner {
  readonly service?: string;
  readonly port?: PortName | undefined;
  readonly checkRestart?: CheckedCheck['checkRestart'];
}

export function checkName({ name, type }: CheckedCheck, { service }: CheckOwner): string {
  if (name !== undefined) return name;
  return service === undefined ? `${type} check` : `service: "${service}" check`;
}

export function checkSpec(checked: CheckedCheck, owner: CheckOwner): CheckSpec {
  const { interval, timeout, startPeriod, initialStatus } = checked;
  const { successBeforePassing, failuresBeforeCritical } = checked;
  const restart = checked.checkRestart ?? owner.checkRestart;
  const startPeriodMs = startPeriod === undefined ? 0 : durationMs(startPeriod);
  return {
    ...probeOf(checked, owner),
    name: checkName(checked, owner),
    ...(owner.service !== undefined && { service: owner.service }),
    intervalMs: durationMs(interval),
    timeoutMs: durationMs(timeout),
    ...(startPeriodMs > 0 && { startPeriodMs }),
    ...(initialStatus !== undefined && { initialStatus }),
    ...(isMany(successBeforePassing) && { successBeforePassing }),
    ...(isMany(failuresBeforeCritical) && { failuresBeforeCritical }),
    ...(restart !== undefined && { checkRestart: restartOf(restart) }),
  };
}

function isMany(count: number | undefined): count is number {
  return count !== undefined && count > 1;
}

function restartOf(wish: NonNullable<CheckedCheck['checkRestart']>): CheckRestart {
  const { limit, grace, ignoreWarnings } = wish;
  const warnings = ignoreWarnings === true ? { ignoreWarnings } : {};
  return { limit, graceMs: durationMs(grace), ...warnings };
}

/** That there is a port was checked (`service-rules.ts`). */
function probeOf(checked: CheckedCheck, owner: CheckOwner): CheckProbe {
  if (checked.type === 'script') {
    return { type: 'script', command: checked.command, args: checked.args ?? [] };
  }
  const port = checked.port ?? owner.port ?? 0;
  if (checked.type === 'tcp') return { type: 'tcp', port };
  const { protocol, method, path, headers, body, expect } = checked;
  const { tlsSkipVerify, tlsServerName } = checked;
  return {
    type: 'http',
    port,
    protocol,
    method,
    path,
    ...(headers !== undefined && { headers }),
    ...(body !== undefined && { body }),
    ...(expect !== undefined && { expect: withoutUnset(expect) }),
    ...(tlsSkipVerify === true && { tlsSkipVerify }),
    ...(tlsServerName !== undefined && { tlsServerName }),
  };
}

function withoutUnset(
  expect: NonNullable<Extract<CheckedCheck, { type: 'http' }>['expect']>,
): NonNullable<HttpProbe['expect']> {
  const { status, body } = expect;
  return { ...(status !== undefined && { status }), ...(body !== undefined && { body }) };
}
