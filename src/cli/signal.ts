import { HoldfastError } from '../errors.ts';
import { closest } from '../spec/closest.ts';
import { SIGNAL_NAMES, signalName } from '../spec/signal-names.ts';
import { dataDirectory } from './data-dir.ts';
import { findAgent } from './find-agent.ts';

/** `holdfast signal SIG REF`: SIGHUP, HUP, hup and 1 are the same. */
export async function signal(
  written: string,
  ref: string,
  options: { readonly dataDir?: string },
): Promise<void> {
  const name = signalName(written);
  if (name === undefined) {
    const near = closest(`SIG${written.replace(/^sig/i, '')}`, SIGNAL_NAMES);
    const meant = near === undefined ? '' : `. Did you mean ${near}?`;
    throw new HoldfastError('USAGE', `${written} is not a signal${meant}`);
  }
  await using orchestrator = await findAgent(dataDirectory(options.dataDir));
  await orchestrator.signal(ref, name);
}
