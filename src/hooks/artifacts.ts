/**
 * Fetches what a task needs before it starts, a few at a time. What has been fetched is not fetched again: it is known
 * by marks beside it for as long as the hook is at work, and by the log when it is done.
 */
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { artifactKey } from './artifacts/artifact-key.ts';
import { HoldfastError } from '../errors.ts';
import { filled, unfilled } from './artifacts/filled.ts';
import { artifactRules, type ArtifactRules } from './artifacts/rules.ts';
import {
  defineHook,
  type DirectoryOwner,
  type Hook,
  type HookDoors,
  type HookRequest,
} from './hook.ts';
import type { ArtifactSpec } from '../spec/artifact-spec.ts';

/** What the hook says first; Nomad's word for it. */
const BEGINNING = 'Downloading Artifacts';
const AT_A_TIME = 3;
/** Each artifact has a limit of its own; a phase needs one, too. */
const DAY_MS = 86_400_000;
const DONE = 'fetched';

export function artifactsHook(wish: Partial<ArtifactRules> = {}): Hook {
  const rules = artifactRules(wish);
  return defineHook({
    name: 'artifacts',
    when: ({ artifacts = [] }) => artifacts.length > 0,
    timeLimitMs: DAY_MS,
    async prestart(request, doors) {
      const wanted = new Map((request.task.artifacts ?? []).map((one) => [artifactKey(one), one]));
      const room = new Room(request);
      await room.make();
      const missing: [string, ArtifactSpec][] = [];
      for (const entry of wanted) {
        const isThere = request.previous[entry[0]] === DONE || (await room.isMarked(entry[0]));
        if (!isThere) missing.push(entry);
      }
      if (missing.length > 0) await fetchThem(missing, room, request, doors, rules);
      const state = Object.fromEntries([...wanted.keys()].map((key) => [key, DONE]));
      return { state, isDone: true };
    },
    async cleanup(request) {
      await rm(new Room(request).path, { recursive: true, force: true });
    },
  });
}

/** The place of this hook: beside the directory of the task, so that things can be moved there, and not in it. */
class Room {
  readonly path: string;

  constructor({ dirs }: HookRequest) {
    this.path = join(dirname(dirs.task), '.artifacts', basename(dirs.task));
  }

  async make(): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    await mkdir(this.path, { recursive: true, mode: 0o700 });
  }

  dirFor(key: string): string {
    return join(this.path, key);
  }

  async isMarked(key: string): Promise<boolean> {
    return (await stat(this.#markOf(key)).catch(() => undefined)) !== undefined;
  }

  /** Durable: what it speaks of is, too. */
  async mark(key: string): Promise<void> {
    const file = await open(this.#markOf(key), 'w', 0o600);
    await file.sync().finally(() => file.close());
  }

  #markOf(key: string): string {
    return join(this.path, `${key}.${DONE}`);
  }
}

interface Fetching {
  readonly request: HookRequest;
  readonly doors: HookDoors;
  readonly owner: DirectoryOwner | undefined;
  readonly rules: ArtifactRules;
  readonly signal: AbortSignal;
}

/** What is told of it has the texts of the spec in it, and nothing of what they stand for. */
async function fetchOne(
  written: ArtifactSpec,
  dir: string,
  { request, doors, owner, rules, signal }: Fetching,
): Promise<string> {
  // Loaded by those who need it: most agents never fetch anything.
  const { fetchArtifact } = await import('./artifacts/fetch-artifact.ts');
  const { dirs, task } = request;
  const where = `artifacts[${(task.artifacts ?? []).indexOf(written)}]`;
  const artifact = filled(written, where, (place, text) => doors.read(place, text));
  try {
    const wish = { artifact, env: doors.env(), dir, dirs, owner, rules, signal };
    return unfilled(await fetchArtifact(wish), artifact, written);
  } catch (error) {
    signal.throwIfAborted();
    const { code, retryable, message } = HoldfastError.from(error);
    throw new HoldfastError(code, unfilled(message, artifact, written), { retryable });
  }
}

/** The first fault ends the others; what has come of them is kept. */
async function fetchThem(
  missing: readonly (readonly [string, ArtifactSpec])[],
  room: Room,
  request: HookRequest,
  doors: HookDoors,
  rules: ArtifactRules,
): Promise<void> {
  doors.message(BEGINNING);
  const owner = await doors.drivers.ownerOf(request.task);
  const others = new AbortController();
  const signal = AbortSignal.any([doors.signal, others.signal]);
  const waiting = [...missing];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      signal.throwIfAborted();
      const [key, written] = next;
      if (written.checksum?.startsWith('sha1:') === true) doors.message(WEAK);
      const told = await fetchOne(written, room.dirFor(key), {
        request,
        doors,
        owner,
        rules,
        signal,
      });
      await room.mark(key);
      // crash point: agent.artifact.marked
      doors.message(told);
    }
  };
  const workers = Array.from({ length: AT_A_TIME }, () =>
    work().catch((error: unknown) => {
      others.abort(error);
      throw error;
    }),
  );
  // Nobody may be at work any more when the hook says what went wrong.
  await Promise.allSettled(workers);
  doors.signal.throwIfAborted();
  others.signal.throwIfAborted();
}

const WEAK = 'a checksum is SHA-1, which can be forged: use sha256';
