/**
 * What to do about a run, from the log and from what is on disk and alive: pure, total, first match wins. Evidence has
 * three values, and *unknown never starts and never kills*. The claim is the shim that `fate` names.
 */

/** How far the log is: nothing of the run, RunStarting, TaskStarted, its end, its cleanup. */
export type LoggedStage = 'none' | 'starting' | 'started' | 'ended' | 'cleaned';

export interface Evidence {
  readonly epoch: 'same' | 'changed';
  readonly dir: 'none' | 'partial' | 'whole';
  readonly claim: 'none' | 'alive' | 'dead' | 'unknown';
  readonly fate: 'none' | 'launch' | 'abort';
  readonly exit: 'none' | 'valid' | 'corrupt';
  readonly tree: 'dead' | 'alive' | 'unknown';
}

export type StartVerdict =
  /** Ask a host to launch; the same key again is harmless. */
  | { readonly act: 'launch' }
  /** Watch what runs. */
  | { readonly act: 'adopt' }
  | { readonly act: 'recordExit' }
  /** Record that the start was proved not to have happened. */
  | { readonly act: 'recordAborted' }
  | { readonly act: 'recordLost'; readonly reason: string; readonly maybeRan: boolean }
  /** Kill by mark what may live, prove it dead, then record the loss. */
  | { readonly act: 'killAndLose'; readonly reason: string }
  /** Look again later: something could not be looked up. */
  | { readonly act: 'wait'; readonly reason: string }
  /** The end is known; kill what is left. */
  | { readonly act: 'settle' }
  /** Nothing of the run is needed any more. */
  | { readonly act: 'remove' }
  /** In the world but not in the log: rebuild its stream from its files, then decide again. */
  | { readonly act: 'rebuild' };

export function decideStart(stage: LoggedStage, seen: Evidence): StartVerdict {
  if (stage === 'cleaned') return { act: 'remove' };
  if (stage === 'ended') return { act: 'settle' };
  if (stage === 'none') return decideUnlogged(seen);
  if (seen.exit === 'valid') return { act: 'recordExit' };
  if (seen.epoch === 'changed') return decideAfterReboot(stage, seen);
  if (stage === 'starting' && seen.fate === 'none') return decideUnlaunched(seen);
  if (seen.fate === 'launch') return decideLaunched(seen);
  return stage === 'starting' ? decideAborted(seen) : decideVanished(seen);
}

function decideUnlogged(seen: Evidence): StartVerdict {
  if (seen.dir === 'whole') return { act: 'rebuild' };
  if (seen.claim === 'unknown' || seen.tree === 'unknown') return wait('an unlogged run');
  if (seen.claim === 'alive' || seen.tree === 'alive') return wait('a live run without an intent');
  return { act: 'remove' };
}

/** Every pid is void. What had a chance to run counts as having run, unless an abort is on disk. */
function decideAfterReboot(stage: LoggedStage, seen: Evidence): StartVerdict {
  if (stage === 'starting' && seen.fate === 'abort') return { act: 'recordAborted' };
  return { act: 'recordLost', reason: 'the machine was restarted', maybeRan: true };
}

function decideUnlaunched(seen: Evidence): StartVerdict {
  if (seen.claim === 'unknown' || seen.tree === 'unknown')
    return wait('whether the start was begun');
  if (seen.claim === 'alive') return wait('a start that is under way');
  if (seen.tree === 'alive') return { act: 'killAndLose', reason: 'the files of the run are gone' };
  return { act: 'launch' };
}

function decideLaunched(seen: Evidence): StartVerdict {
  if (seen.claim === 'unknown') return wait('whether the shim lives');
  if (seen.claim === 'alive') return { act: 'adopt' };
  if (seen.tree === 'unknown') return wait('whether the program lives');
  if (seen.tree === 'alive') return { act: 'adopt' };
  const isDamaged = seen.exit === 'corrupt';
  const reason = isDamaged
    ? 'its exit record is damaged: nobody knows the exit status'
    : 'the shim ended without writing an exit status';
  return { act: 'recordLost', reason, maybeRan: true };
}

/**
 * An abort on disk proves that no shim of ours began. Something that lives all the same contradicts it, and the next
 * start must not come beside it.
 */
function decideAborted(seen: Evidence): StartVerdict {
  if (seen.claim === 'unknown' || seen.tree === 'unknown') {
    return wait('whether anything lives of an aborted start');
  }
  if (seen.claim === 'alive' || seen.tree === 'alive') {
    return { act: 'killAndLose', reason: 'an aborted start is alive' };
  }
  return { act: 'recordAborted' };
}

/** The log says started, the disk knows of no launch: somebody removed the files. */
function decideVanished(seen: Evidence): StartVerdict {
  const reason = 'the files of the run are gone';
  if (seen.tree === 'unknown' || seen.claim === 'unknown') return wait('whether the program lives');
  if (seen.tree === 'alive' || seen.claim === 'alive') return { act: 'killAndLose', reason };
  return { act: 'recordLost', reason, maybeRan: true };
}

function wait(what: string): StartVerdict {
  return { act: 'wait', reason: `cannot tell: ${what}` };
}
