/** What a task's program does, made of the seed and of the run it is: nobody but the world knows it beforehand. */
import { Chance, hash } from '../chance.ts';

export interface Behaviour {
  /** It ends by itself after so long; undefined: only when it is told to. */
  readonly runMs: number | undefined;
  /** Its exit code, which only this run has. */
  readonly code: number;
  /** Numbered lines that it writes, one every `everyMs`. */
  readonly lines: number;
  readonly everyMs: number;
  readonly onTerm: 'dies' | 'exits' | 'ignores' | 'lingers';
  readonly lingersMs: number;
  /** A child of it lives on when it has ended, for ever. */
  readonly leavesOneBehind: boolean;
  readonly isExecRefused: boolean;
  /** Such a child gives its mark and its session away. */
  readonly isUnmarked: boolean;
}

/** What a command beside a program does, made of the seed and of its name. */
export interface CommandBehaviour {
  /** Undefined: it runs until it is hung up, or its input ends. */
  readonly runMs: number | undefined;
  readonly code: number;
  readonly lines: number;
  readonly lineBytes: number;
  readonly everyMs: number;
  readonly readsInput: boolean;
  readonly onHangUp: 'dies' | 'ignores' | 'lingers';
  /** A child of it has its output open still when it has ended. */
  readonly leavesOneBehind: boolean;
  readonly isUnmarked: boolean;
}

export function commandBehaviourOf(seed: number, name: string): CommandBehaviour {
  const chance = new Chance(seed, `command ${name}`);
  const readsInput = chance.isHit(0.3);
  return {
    runMs: readsInput ? undefined : chance.pick([undefined, 1, 1, 50, 2_000, 20_000]),
    code: chance.pick([0, 0, 1 + chance.below(200)]),
    lines: chance.pick([0, 1, 5, 90, 90]),
    lineBytes: chance.pick([10, 10, 500, 8_000]),
    everyMs: chance.pick([1, 5, 100]),
    readsInput,
    onHangUp: chance.pick(['dies', 'dies', 'ignores', 'lingers'] as const),
    leavesOneBehind: chance.isHit(0.2),
    isUnmarked: chance.isHit(0.3),
  };
}

export function behaviourOf(seed: number, allocId: string, task: string, run: number): Behaviour {
  const name = `${allocId}/${task}`;
  const ofTask = new Chance(seed, `task ${name}`);
  // What comes last must end by itself, or nothing ever ends.
  const isService = ofTask.isHit(0.5) && task !== 'bye';
  const fails = ofTask.isHit(0.4);
  const chance = new Chance(seed, `run ${name} ${run}`);
  return {
    runMs: isService && chance.isHit(0.8) ? undefined : chance.pick([1, 20, 300, 2_000, 15_000]),
    code: fails || chance.isHit(0.2) ? 1 + (hash(`${seed} ${name} ${run}`) % 200) : 0,
    lines: chance.pick([0, 0, 1, 5, 90]),
    everyMs: chance.pick([1, 20, 200]),
    onTerm: chance.pick(['dies', 'dies', 'exits', 'ignores', 'lingers'] as const),
    lingersMs: chance.pick([50, 1_000, 6_000]),
    leavesOneBehind: chance.isHit(0.15),
    isExecRefused: chance.isHit(0.03),
    isUnmarked: chance.isHit(0.5),
  };
}
