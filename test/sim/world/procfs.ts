/** What the simulated kernel shows below /proc, as the text that a reader gets. */
import type { Process, Processes } from './processes.ts';

/** The names in `/proc`. */
export function processNames(table: Processes): readonly string[] {
  return ['1', 'self', 'uptime', ...table.all.map(({ pid }) => String(pid))];
}

/** The text of a file below /proc as `self` reads it; undefined where there is none. */
export function procText(table: Processes, path: string, self: Process): string | undefined {
  if (path === '/proc/sys/kernel/random/boot_id') return `${table.bootId}\n`;
  if (path === '/proc/uptime') return `${(table.uptimeMs / 1_000).toFixed(2)} 0.00\n`;
  const children = /^\/proc\/self\/task\/\d+\/children$/.test(path);
  if (children) {
    const pids = table.childrenOf(self).map(({ pid }) => pid);
    return pids.length === 0 ? '' : `${pids.join(' ')} `;
  }
  const [, who = '', what = ''] = /^\/proc\/(\d+|self)\/(\w+)$/.exec(path) ?? [];
  if (who === '1') return what === 'stat' ? statLine(1, 'init', 'S', [0, 1, 1], '1') : '';
  const process = who === 'self' ? self : table.find(Number(who));
  if (process === undefined) return undefined;
  if (what === 'stat') return statOf(process);
  if (what === 'environ') return process.isZombie ? '' : process.environment;
  return what === 'cmdline' && !process.isZombie ? process.commandLine : '';
}

/** As anybody reads it; the name may hold what it likes: only the last bracket ends it. */
export function statOf(process: Process): string {
  return lineOf(process, `${process.kind} ) R 1`);
}

/** As a shell reads its own. */
export function shellStatOf(process: Process): string {
  return lineOf(process, 'sh');
}

function lineOf(process: Process, name: string): string {
  const { pid, parent, group, session, startTime } = process;
  const state = process.isZombie ? 'Z' : process.isStopped ? 'T' : 'S';
  return statLine(pid, name, state, [parent?.pid ?? 1, group, session], startTime);
}

const ZEROS = '0 '.repeat(15).trimEnd();

function statLine(
  pid: number,
  name: string,
  state: string,
  family: readonly number[],
  startTime: string,
): string {
  return `${pid} (${name}) ${state} ${family.join(' ')} ${ZEROS} ${startTime} 0 0\n`;
}
