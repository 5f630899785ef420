/** What an agent tells the service manager that started it: sd_notify(3), as systemd and others read it. */
import type { Logger } from '../ports.ts';

export interface ServiceNotice {
  /** Tasks may be asked for. `status` is for `systemctl status`. May be repeated. */
  ready(status: string): void;
  status(text: string): void;
  /** Told its configuration anew; `ready` says when that is done. */
  reloading(): void;
  /** Ending in order. */
  stopping(): void;
}

const NOBODY: ServiceNotice = {
  ready: () => undefined,
  status: () => undefined,
  reloading: () => undefined,
  stopping: () => undefined,
};

/**
 * By NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which are taken out of `env`: they are for this process and for no
 * task. Where there is no manager nothing is loaded. What it does not take is logged once, and changes nothing.
 */
export async function serviceNotice(
  logger: Logger,
  env: NodeJS.ProcessEnv = process.env,
): Promise<ServiceNotice> {
  const { NOTIFY_SOCKET: socket = '', WATCHDOG_USEC, WATCHDOG_PID } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  if (!/^[@/]./.test(socket)) return NOBODY;
  const { sendDatagram } = await import('../os/notify-socket.ts');
  let isTold = false;
  const send = (...lines: readonly string[]): void => {
    const errno = sendDatagram(socket, lines.join('\n'));
    if (errno !== 0 && !isTold) logger.warn({ socket, errno }, 'the service manager is not heard');
    isTold ||= errno !== 0;
  };
  watchdog(WATCHDOG_USEC, WATCHDOG_PID, () => send('WATCHDOG=1'));
  return {
    ready: (status) => send('READY=1', `MAINPID=${process.pid}`, `STATUS=${oneLine(status)}`),
    status: (text) => send(`STATUS=${oneLine(text)}`),
    reloading: () => {
      const since = process.hrtime.bigint() / 1_000n;
      send('RELOADING=1', `MONOTONIC_USEC=${since}`, 'STATUS=reads its configuration anew');
    },
    stopping: () => send('STOPPING=1', 'STATUS=ending; the tasks go on'),
  };
}

/** At half of the time in which it is wanted, by the loop that everything here runs on. */
function watchdog(usec: string | undefined, pid: string | undefined, feed: () => void): void {
  const everyMs = Math.floor(Number(usec) / 2_000);
  const isMine = pid === undefined || pid === '' || Number(pid) === process.pid;
  if (!isMine || !(everyMs >= 1)) return;
  feed();
  setInterval(feed, everyMs).unref();
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').slice(0, 256);
}
