import { join } from 'node:path';
import type { Logger } from '../ports.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface AgentLog extends Logger {
  /** Lines below it are not written from now on. */
  setLevel(least: LogLevel | undefined): void;
}

/** Of an agent that `run` started. What came before it is at `.1`. */
export function agentLogPath(dataDir: string): string {
  return join(dataDir, 'state', 'agent.log');
}

/**
 * The agent's own log on stderr: a line for a person on a terminal, JSON with `time`, `level` and `message` elsewhere.
 * From info on, where nothing else is said; from debug on when HOLDFAST_DEBUG is set.
 */
export function agentLog(
  stream: { write(text: string): unknown; readonly isTTY?: boolean } = process.stderr,
  usual: LogLevel = process.env['HOLDFAST_DEBUG'] === undefined ? 'info' : 'debug',
): AgentLog {
  let least = LOG_LEVELS.indexOf(usual);
  const line = (level: LogLevel) => (facts: object, message?: string) => {
    if (LOG_LEVELS.indexOf(level) < least) return;
    const time = new Date().toISOString();
    const text =
      stream.isTTY === true
        ? `${time.slice(11, 23)} ${level.padEnd(5)} ${message ?? ''} ${asJson(facts)}`
        : asJson({ time, level, ...(message === undefined ? {} : { message }), ...facts });
    stream.write(`${text.replace(/ \{\}$/, '')}\n`);
  };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    setLevel: (wanted = usual) => void (least = LOG_LEVELS.indexOf(wanted)),
  };
}

/** An Error as a fact keeps its message, which JSON alone would drop; what JSON cannot hold is said so. */
function asJson(facts: object): string {
  try {
    return JSON.stringify(facts, (_key, value: unknown) => {
      if (value instanceof Error) return value.stack ?? value.message;
      return typeof value === 'bigint' ? String(value) : value;
    });
  } catch {
    return JSON.stringify({ unprintable: true });
  }
}
