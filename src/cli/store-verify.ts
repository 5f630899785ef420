import { counted } from '../doctor/finding.ts';
import { verifyStore, type Verdict } from '../doctor/store-verdict.ts';
import { printable, say, write } from './output.ts';
import { storePlace, type StoreOptions } from './store-path.ts';

/** `holdfast store verify`: a line for every fault, exit status 1 when there is one. */
export async function storeVerify(options: StoreOptions): Promise<void> {
  const verdict = verifyStore(storePlace(options));
  if (verdict.faults.length > 0) process.exitCode = 1;
  if (options.json === true) return write(`${JSON.stringify(verdict, null, 2)}\n`);
  for (const fault of verdict.faults) await write(faultLine(fault));
  const events = counted(verdict.events, 'event');
  say(
    verdict.faults.length === 0
      ? `sound: ${events}, head ${verdict.head}`
      : `${counted(verdict.faults.length, 'fault')}, and ${events} as they were written`,
  );
}

export function faultLine({ position, stream, fault }: Verdict['faults'][number]): string {
  const columns = [position === null ? '-' : String(position), stream ?? '-', printable(fault)];
  return `${(columns[0] as string).padStart(6)}  ${(columns[1] as string).padEnd(20)}  ${columns[2]}\n`;
}
