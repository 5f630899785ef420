/** Long enough that a burst of launches is over; a collection halts the host for 20 to 45 ms. */
const QUIET_MS = 2_000;

/**
 * Call what it returns at every call: once none has come for 2 s, the garbage of the calls before is given back. V8
 * would keep it, 3 MB in every host, for it collects in the proportion in which a program allocates, and a host that
 * only watches allocates nothing. Does nothing unless Node runs with --expose-gc.
 */
export function giveBackWhenQuiet(): () => void {
  const { gc } = globalThis;
  if (gc === undefined) return () => undefined;
  const collect = (): void => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  const timer = setTimeout(collect, QUIET_MS).unref();
  return () => void timer.refresh();
}
