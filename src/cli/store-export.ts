import { exportStore } from '../doctor/store-export.ts';
import { HoldfastError } from '../errors.ts';
import { faultLine } from './store-verify.ts';
import { say, write } from './output.ts';
import { storePlace, type StoreOptions } from './store-path.ts';

export interface ExportOptions extends StoreOptions {
  readonly after?: string;
  readonly ref?: string;
}

/** `holdfast store export`: the lines of `events --jsonl`. Faults are said on stderr, with exit status 1. */
export async function storeExport(options: ExportOptions): Promise<void> {
  const after = options.after === undefined ? {} : { after: position(options.after) };
  const query = { ...after, ...(options.ref === undefined ? {} : { ref: options.ref }) };
  const { oldest, events } = exportStore(storePlace(options), query, (fault) => {
    process.exitCode = 1;
    say(`fault: ${faultLine(fault).trim()}`);
  });
  if (options.after === undefined && oldest > 1) {
    say(`before position ${oldest} only what was not compacted away is left`);
  }
  let isEmpty = true;
  for (const event of events) {
    isEmpty = false;
    await write(`${JSON.stringify(event)}\n`);
  }
  if (isEmpty) say('no event was found');
}

function position(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new HoldfastError('USAGE', `--after wants a position, such as 41, not "${text}"`);
}
