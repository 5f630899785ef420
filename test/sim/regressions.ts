/**
 * Histories in which something was wrong once: they are replayed for ever. One that its seed no longer leads to, because
 * the code or the workload changed, still is a history like any other.
 */
export interface Regression {
  readonly seed: number;
  /** The only faults that happen, as `kind#index`; left out: all that the seed has. */
  readonly only?: readonly string[];
  /** What was wrong. */
  readonly why: string;
}

export const REGRESSIONS: readonly Regression[] = [
  {
    seed: 8,
    why: 'an abort over a fate that a power cut took: a run that ran was called killed without an end',
  },
  { seed: 18, why: 'the spec of an alloc that ended before it was saved stayed' },
  { seed: 20, why: 'a half-written spec of an agent that died stayed' },
  {
    seed: 22,
    why: 'a process that could not be looked at counted as gone: force came before its time',
  },
  { seed: 27, only: ['blind#20'], why: 'an exit record that could not be read was called damaged' },
  {
    seed: 48,
    only: ['reboot#1'],
    why: 'a launched run without its intent could not be stopped, for ever',
  },
  { seed: 65, why: 'output was lost between two runs while no collector was there' },
  { seed: 73, why: 'a start whose host died was called lost, and then started' },
  { seed: 224, why: 'a stop between fate and identity ended nothing, and the program ran on' },
  {
    seed: 290,
    why: 'a start whose host died under another agent was called lost, and then started',
  },
  { seed: 348, why: 'an agent that died between two removals left a FIFO behind' },
  { seed: 447, why: 'a host whose first connection broke was never heard of' },
  { seed: 1_138, why: 'every look at a program that had ended took a stop a second' },
  { seed: 1_427, why: 'a host ended because it could not open a file to watch a run' },
  { seed: 1_930, why: 'a run that a power cut took was called killed without an end' },
  { seed: 1_961, why: 'FIFOs of a task that was over were left behind' },
  { seed: 2_471, why: 'FIFOs that a replaced agent made again were left behind' },
  { seed: 2_881, why: 'the abort of a slow shim was swept away before it came, and it launched' },
  { seed: 2_936, why: 'on a full disk a host could not abort a start, which crashed the task' },
  { seed: 3_230, why: 'errors of the disk below a host crashed the task until it was given up' },
  { seed: 3_333, why: 'what a run of another host left behind was taken for nothing' },
  { seed: 3_600, why: 'what was loaded late made another history of it' },
  { seed: 3_616, why: 'the child of a shim that had died was overlooked: a lost run began' },
  { seed: 4_564, why: 'a shim won after another one had died: a run that began was called failed' },
  {
    seed: 4_947,
    why: 'a launch that was served after the run had been put away launched it again',
  },
  { seed: 5_500, why: 'the name of a temporary file made another history of it' },
  { seed: 19_255, why: 'a run of another boot stayed because its pid was in use again' },
  { seed: 113, why: 'output of a command was lost whose end another agent had recorded' },
  { seed: 123, why: 'output of a command was lost once its run was over and forgotten' },
  {
    seed: 386,
    why: 'a lost program was watched for ever while a command of it lived, and no end was told',
  },
  { seed: 20_411, why: 'a command began after its end was recorded: its host had stood still' },
  { seed: 40_419, why: 'a command was forgotten a minute after its end while it was still read' },
  { seed: 20_439, why: 'a command began after its end was recorded: the call was served late' },
  {
    seed: 40_984,
    only: [
      ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 17].map((index) => `slowShim#${index}`),
      ...[18, 29, 35].map((index) => `callLate#${index}`),
      'twoAgents#0',
      'twoAgents#1',
    ],
    why: 'an agent that stood still while it opened took the FIFOs of the one that came after it',
  },
  {
    seed: 985,
    why: 'an agent that was overtaken left safe mode and made FIFOs before it learned of the other one',
  },
  { seed: 1_095, why: 'a start was called halfway although its program had run and ended' },
  { seed: 409, why: 'a program whose slow shim won after all was watched by nobody' },
  { seed: 662, why: 'whoever greeted a host that was met waited for ever for its connection' },
  {
    seed: 1_938,
    only: ['wallJump#2', 'killAgent#801'],
    why: 'a wall clock that jumped made an ended command one that nobody can attach to',
  },
  { seed: 3_672, why: 'a start that only looked over was told as lost, and then the program ran' },
  {
    seed: 4_145,
    why: 'runs of a host that could not be replaced for a while were watched by nobody any more',
  },
  { seed: 4_408, why: 'as 3672, with a shim that came late' },
  {
    seed: 397,
    why: 'a run that ended on a full disk before its start was recorded was adopted for ever',
  },
  { seed: 399, why: 'a shim that had made its fate and not written it was called dead' },
  {
    seed: 9_145,
    only: [
      ...[1, 2, 4, 5, 7].map((index) => `slowShim#${index}`),
      'killExecutor#1046',
      'killExecutor#1047',
    ],
    why: 'a command was called lost while nobody could replace its host, and lived on',
  },
  {
    seed: 13_378,
    why: 'a command was called lost by an agent that had not taken over its run yet, and lived on',
  },
  {
    seed: 1_106,
    why: 'a run that was only found, and nobody held the FIFOs of, lost its last words when it was to end',
  },
];
