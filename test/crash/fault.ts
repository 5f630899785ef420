/** A broken promise, by the promise that it breaks. */

export const FAULT_KINDS = {
  lost: 'a run without an end, one called lost that need not be, one too few',
  doubled: 'a run launched twice, or beside an earlier one, or with two ends',
  invented: 'an end that the program did not come to',
  orphan: 'a process of ours that lives on after everything was closed',
  order: 'a position or version missing, repeated, or a damaged store',
  output: 'a printed line missing, repeated or out of order',
  litter: 'files of ended runs left behind',
  foreign: 'something that belongs to another instance was touched',
  stuck: 'no end within a minute',
  rig: 'the rig itself failed',
} as const;

export type FaultKind = keyof typeof FAULT_KINDS;

export interface Fault {
  readonly kind: FaultKind;
  readonly text: string;
}

/** As many faults of a kind as there are texts. */
export function faultsOf(kind: FaultKind, texts: readonly string[]): readonly Fault[] {
  return texts.map((text) => ({ kind, text }));
}
