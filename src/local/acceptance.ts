/** How a group becomes an alloc: a new one, the live one that is the same, or one that is updated. */
import type { PlanOptions, RunOptions } from '../api.ts';
import type { AgentDoors } from '../actors/agent-doors.ts';
import { AllocRunner } from '../actors/alloc-runner.ts';
import type { SavedSpec } from '../actors/saved-spec.ts';
import { HoldfastError } from '../errors.ts';
import { allocStream } from '../events/envelope.ts';
import type { GroupPlan } from '../api/group-plan.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import type { GroupSpecInput } from '../spec/group-schema.ts';
import { assertTexts, withIdentity } from './accept-texts.ts';
import { takePorts } from './accept-ports.ts';
import type { CommandDoors } from './commands.ts';
import { assertPayload, withPayload } from './payload.ts';
import {
  assertNamed,
  assertVersion,
  newPlan,
  notInPlace,
  planAgainst,
  theLiveOne,
  updateAlloc,
  usedAlready,
} from './update.ts';

const ALLOC_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** A group after it was checked. */
interface Asked {
  readonly spec: AllocSpec;
  readonly specHash: string;
}

export class Acceptance {
  readonly #doors: CommandDoors;

  constructor(doors: CommandDoors) {
    this.#doors = doors;
  }

  /** The allocId of the accepted alloc, or of the live one that is, or now becomes, the same. */
  async run(input: GroupSpecInput, options: RunOptions = {}): Promise<string> {
    const asked = await this.#read(input, options.signal);
    for (;;) {
      const allocId = await this.#settle(asked, options);
      if (allocId !== undefined) return allocId;
      // Somebody else was quicker: what is to be done now is another question.
      this.#doors.assertOpen();
      assertNotAborted(options.signal);
    }
  }

  /** Changes nothing. */
  async plan(input: GroupSpecInput, options: PlanOptions = {}): Promise<GroupPlan> {
    const { agent, roster, newAllocId } = this.#doors;
    const { spec, specHash } = await this.#read(input);
    await roster.reservation(spec.name)?.accepted.catch(() => undefined);
    const allocId = this.#meant(spec.name, options);
    const state = allocId === undefined ? undefined : roster.folded(allocId)?.state;
    if (allocId === undefined || state === undefined) {
      assertTexts(agent, options.allocId ?? newAllocId(), spec);
      return newPlan(spec);
    }
    if (state.context.specHash !== specHash) assertTexts(agent, allocId, spec);
    return planAgainst(allocId, state, spec);
  }

  async #read(input: GroupSpecInput, signal?: AbortSignal): Promise<Asked> {
    const { agent } = this.#doors;
    this.#doors.assertOpen();
    assertNotAborted(signal);
    const asked = await this.#doors.readSpec(input);
    this.#doors.assertOpen();
    assertNotAborted(signal);
    for (const task of asked.spec.tasks) await agent.drivers.accept(task);
    this.#doors.assertOpen();
    assertNotAborted(signal);
    return asked;
  }

  /** The alloc that a call without a `requestId` is about; undefined: there is none. Errors: as of both. */
  #meant(name: string, { allocId }: PlanOptions): string | undefined {
    const { roster } = this.#doors;
    if (allocId === undefined) return theLiveOne(roster, name);
    if (!roster.isKnown(allocId)) return undefined;
    assertNamed(roster, allocId, name);
    return allocId;
  }

  /** Undefined: it is to be asked again. */
  async #settle(asked: Asked, options: RunOptions): Promise<string | undefined> {
    const { roster } = this.#doors;
    const { spec, specHash } = asked;
    const existing = this.#existing(spec.name, options);
    if (existing === undefined) {
      assertVersion(options.ifVersion, 0, spec.name);
      return this.#make(asked, options);
    }
    await this.#accepted(existing, spec.name);
    if (existing !== options.requestId && options.allocId !== undefined) {
      assertNamed(roster, existing, spec.name);
    }
    const state = roster.folded(existing)?.state;
    if (state?.context.specHash === specHash) return existing;
    if (existing === options.requestId) {
      const text = `${existing} was accepted with another spec`;
      throw new HoldfastError('ALREADY_EXISTS', text, { details: { allocId: existing } });
    }
    const allocId = this.#meant(spec.name, options);
    if (state === undefined || allocId !== existing) return undefined;
    const identity = options.identity ?? state.context.spec?.identity;
    const plan = planAgainst(allocId, state, spec);
    assertVersion(options.ifVersion, plan.version, spec.name);
    if (plan.action === 'replace') {
      if (options.allocId !== undefined) throw notInPlace(plan, state.value);
      return this.#make(asked, { ...options, identity }, allocId);
    }
    const named = withIdentity(spec, identity);
    assertTexts(this.#doors.agent, allocId, named);
    return updateAlloc(this.#doors, plan, { allocId, spec: named, specHash });
  }

  /** What the same call made before, else the alloc that is named, else the live one of that name. */
  #existing(name: string, { allocId, requestId }: RunOptions): string | undefined {
    const { roster } = this.#doors;
    if (requestId !== undefined && roster.folded(requestId) !== undefined) return requestId;
    if (allocId === undefined) return roster.liveByName(name);
    return roster.isKnown(allocId) ? allocId : undefined;
  }

  /** One that is just about to be accepted may be refused yet. */
  async #accepted(allocId: string, name: string): Promise<void> {
    const reserved = this.#doors.roster.reservation(name);
    if (reserved?.allocId === allocId) await reserved.accepted;
  }

  async #make(
    { spec, specHash }: Asked,
    options: Omit<RunOptions, 'identity'> & {
      readonly identity?: RunOptions['identity'] | undefined;
    },
    replaces?: string,
  ): Promise<string> {
    const { agent, roster } = this.#doors;
    assertRoom(agent);
    const allocId = options.allocId ?? options.requestId ?? this.#doors.newAllocId();
    this.#assertFresh(allocId);
    const named = withIdentity(spec, options.identity);
    assertTexts(agent, allocId, named);
    assertPayload(named, options.payload);
    const isLimited = spec.maxRunDurationMs !== undefined;
    const since = isLimited ? { acceptedAt: agent.clock.steady() } : {};
    const taking = replaces === undefined ? {} : { replaces };
    const accepted = this.#accept(
      { allocId, spec: named, specHash, ...since, ...taking },
      options.payload,
    );
    roster.reserve(spec.name, { allocId, specHash, accepted });
    try {
      await accepted;
    } finally {
      roster.unreserve(spec.name);
    }
    return allocId;
  }

  /** Side by side: both the spec file and the event are durable before the caller hears of it. */
  async #accept(saved: SavedSpec, payload?: Uint8Array): Promise<void> {
    const { agent, allocDoors, roster } = this.#doors;
    const { allocId, ...rest } = saved;
    const runner = new AllocRunner(allocId, undefined, allocDoors);
    roster.admit(runner);
    runner.start();
    const refuse = (): void => {
      runner.stop();
      roster.dismiss(allocId);
      agent.ports.release(allocId);
    };
    const ports = await takePorts(agent, saved).catch((error: unknown) => {
      refuse();
      throw error;
    });
    const received = { type: 'ReceiveAlloc', ...rest, ...ports, recovered: false } as const;
    // crash point: agent.accept.begun
    const [file, event] = await Promise.allSettled([
      agent.specs.save(withPayload({ ...saved, ...ports }, payload)),
      runner.tell(received),
    ]);
    // crash point: agent.accept.settled
    if (event.status === 'rejected') {
      // Refused: nothing half-made stays. Whether an append that failed is in the log is not known: that file stays.
      refuse();
      if (!HoldfastError.is(event.reason, 'STORE_FAILED')) await agent.specs.forget(allocId);
      throw event.reason;
    }
    if (file.status === 'rejected') throw file.reason;
  }

  #assertFresh(allocId: string): void {
    if (!ALLOC_ID.test(allocId)) {
      throw new HoldfastError('USAGE', `"${allocId}" is not an allocId: ${ALLOC_ID.source}`);
    }
    const { agent, roster } = this.#doors;
    // The log remembers the ids of allocs whose events it has let go.
    if (roster.isKnown(allocId) || agent.log.versionOf(allocStream(allocId)) > 0) {
      throw usedAlready(allocId);
    }
  }
}

/** A disk that is nearly full shall hold the ends of what runs, not more beginnings. */
function assertRoom({ gate }: AgentDoors): void {
  if (!gate.holds.includes('disk-low')) return;
  const text = `the disk is nearly full and nothing new is taken: ${gate.wordsOf('disk-low')}: make room, then try again`;
  throw new HoldfastError('RESOURCES_EXHAUSTED', text);
}

/** From here on the group is accepted and an abort changes nothing any more. */
function assertNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  const options = { cause: signal.reason };
  throw new HoldfastError('ABORTED', 'the call was aborted before the group was accepted', options);
}
