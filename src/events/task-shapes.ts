/** What events of tasks have in common. */
import { fields, flag, list, oneOf, optional, text, whole } from './shape.ts';

/** What follows the codes `from` to `to`, or the signal. */
const exitRule = fields({
  from: optional(whole),
  to: optional(whole),
  signal: optional(text),
  then: oneOf('complete', 'restart', 'fail', 'hold'),
});
export const restart = fields({
  attempts: whole,
  intervalMs: whole,
  delayMs: whole,
  mode: oneOf('fail', 'delay', 'hold'),
  onLost: oneOf('restart', 'fail'),
  backoff: optional(oneOf('exponential')),
  maxDelayMs: optional(whole),
  resetAfterMs: optional(whole),
  exitCodes: optional(list(exitRule)),
});
export const gate = oneOf('prestart', 'main', 'poststart', 'poststop');
export const checkStatus = oneOf('passing', 'warning', 'critical');
export const phase = oneOf('prestart', 'start', 'prekill', 'exited', 'update', 'cleanup');
/** A value, or the name of a secret with a hash of its value: secrets never enter the log. */
export const envEntry = fields({
  name: text,
  value: optional(text),
  secret: optional(text),
  hash: optional(text),
});

/** What a hook had mounted; `type` says which of the rest there is, as in a spec. */
export const mount = fields({
  type: oneOf('bind', 'tmpfs'),
  volume: optional(text),
  source: optional(text),
  destination: text,
  readOnly: flag,
  propagation: optional(oneOf('private', 'host-to-task', 'bidirectional')),
  sizeMb: optional(whole),
  mode: optional(text),
});

/**
 * The identity of a start. `deadline` is on the steady clock. `machineEpoch` is the one in which it was recorded: after
 * a power cut the files of a run may be gone, and only the log tells that it had its chance.
 */
export const launch = fields({
  launchKey: text,
  token: text,
  mark: text,
  deadline: whole,
  machineEpoch: optional(text),
});
