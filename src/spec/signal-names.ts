/** The signals of Linux by name. A list of our own, since the pure rooms do not ask the machine. */

export const SIGNAL_NAMES = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGKILL',
  'SIGUSR1',
  'SIGSEGV',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGTERM',
  'SIGSTKFLT',
  'SIGCHLD',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGWINCH',
  'SIGIO',
  'SIGPWR',
  'SIGSYS',
] as const;

export type SignalName = (typeof SIGNAL_NAMES)[number];

/** The full name of `SIGHUP`, `HUP`, `hup` or `1`; undefined for what is no signal. */
export function signalName(written: string): SignalName | undefined {
  if (/^\d+$/.test(written)) return SIGNAL_NAMES[Number(written) - 1];
  const upper = written.toUpperCase();
  const full = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  return SIGNAL_NAMES.find((name) => name === full);
}
