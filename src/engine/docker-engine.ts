/** The calls of Docker's API. */
import type {
  ContainerEntry,
  ContainerFacts,
  Engine,
  EngineVersion,
  ImageFacts,
} from './engine.ts';
import { callEngine, type CallWish, type EnginePlace, wholeText } from './engine-call.ts';
import { EngineError, isRefusal } from './engine-error.ts';

const LIMIT_MS = 10_000;

type Json = Readonly<Record<string, unknown>>;

/** `limitMs`: of every call that has a limit. */
export function dockerEngine(place: EnginePlace, limitMs = LIMIT_MS): Engine {
  return new DockerEngine(place, limitMs);
}

class DockerEngine implements Engine {
  readonly endpoint: string;
  readonly isLocal: boolean;
  readonly #place: EnginePlace;
  readonly #limitMs: number;

  constructor(place: EnginePlace, limitMs: number) {
    this.#limitMs = limitMs;
    this.#place = place;
    this.endpoint = place.endpoint;
    this.isLocal = place.endpoint.startsWith('unix:');
  }

  async version(): Promise<EngineVersion> {
    const { Version, ApiVersion, Os } = await this.#json('GET', '/version');
    return { version: textOf(Version), apiVersion: textOf(ApiVersion), os: textOf(Os) };
  }

  async createContainer(name: string, body: Json): Promise<{ id: string }> {
    const path = `/containers/create?name=${encodeURIComponent(name)}`;
    return { id: textOf((await this.#json('POST', path, body))['Id']) };
  }

  async inspectContainer(ref: string): Promise<ContainerFacts | undefined> {
    const found = await unless([404], this.#json('GET', `${at(ref)}/json`));
    return found && containerFacts(found);
  }

  async startContainer(ref: string): Promise<'started' | 'was-started'> {
    const wish = { method: 'POST', path: `${at(ref)}/start`, limitMs: this.#limitMs } as const;
    const answer = await callEngine(this.#place, wish);
    await wholeText(answer, wish);
    return answer.statusCode === 304 ? 'was-started' : 'started';
  }

  async killContainer(ref: string, signal: string): Promise<boolean> {
    const path = `${at(ref)}/kill?signal=${encodeURIComponent(signal)}`;
    return (await unless([404, 409], this.#json('POST', path))) !== undefined;
  }

  async removeContainer(
    ref: string,
    { force, volumes }: { readonly force: boolean; readonly volumes: boolean },
  ): Promise<boolean> {
    const path = `${at(ref)}?force=${force}&v=${volumes}`;
    return (await unless([404], this.#json('DELETE', path))) !== undefined;
  }

  async listContainers(labels: Readonly<Record<string, string>>): Promise<ContainerEntry[]> {
    const label = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    const filters = encodeURIComponent(JSON.stringify({ label }));
    const path = `/containers/json?all=true&filters=${filters}`;
    const wish = { method: 'GET', path, limitMs: this.#limitMs } as const;
    const found: unknown = parsed(await wholeText(await callEngine(this.#place, wish), wish), wish);
    if (!Array.isArray(found)) throw new EngineError('broken', 'the engine gave no list');
    return (found as Json[]).map(containerEntry);
  }

  async waitContainer(ref: string, signal: AbortSignal): Promise<{ exitCode: number }> {
    const wish = { method: 'POST', path: `${at(ref)}/wait`, signal } as const;
    const answer = await callEngine(this.#place, wish);
    return { exitCode: Number(parsed(await wholeText(answer, wish), wish)['StatusCode']) };
  }

  async inspectImage(ref: string): Promise<ImageFacts | undefined> {
    const path = `/images/${encodeURIComponent(ref)}/json`;
    const found = await unless([404], this.#json('GET', path));
    return found && { id: textOf(found['Id']) };
  }

  pullImage(ref: string, wish: Parameters<Engine['pullImage']>[1]): Promise<void> {
    return pull(this.#place, ref, wish);
  }

  async #json(method: CallWish['method'], path: string, body?: unknown): Promise<Json> {
    const wish = { method, path, body, limitMs: this.#limitMs };
    return parsed(await wholeText(await callEngine(this.#place, wish), wish), wish);
  }
}

/** Undefined when the engine answers one of these statuses. */
async function unless<T>(statuses: readonly number[], call: Promise<T>): Promise<T | undefined> {
  return call.catch((error: unknown) => {
    if (statuses.some((status) => isRefusal(error, status))) return undefined;
    throw error;
  });
}

function at(ref: string): string {
  return `/containers/${encodeURIComponent(ref)}`;
}

/** An empty answer is one that says nothing. */
function parsed(text: string, { path }: CallWish): Json {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new EngineError('broken', `${path.split('?', 1)[0]}: no JSON`, { cause });
  }
}

async function pull(
  place: EnginePlace,
  ref: string,
  { auth, onProgress, signal }: Parameters<Engine['pullImage']>[1],
): Promise<void> {
  const [name, tag] = splitTag(ref);
  const path = `/images/create?fromImage=${encodeURIComponent(name)}&tag=${encodeURIComponent(tag)}`;
  const header = auth && Buffer.from(JSON.stringify(auth)).toString('base64url');
  const headers = header === undefined ? {} : { 'x-registry-auth': header };
  const wish = { method: 'POST', path, headers, signal } as const;
  const answer = await callEngine(place, wish);
  let rest = '';
  const read = (line: string): void => {
    if (line.trim() === '') return;
    const { error, status } = parsed(line, wish);
    if (error !== undefined) throw new EngineError('refused', textOf(error), { status: 404 });
    onProgress?.(textOf(status));
  };
  answer.setEncoding('utf8');
  for await (const chunk of answer) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(read);
  }
  read(rest);
  if (!answer.complete) throw new EngineError('broken', 'the pull broke off');
}

/** A colon after the last slash is that of a tag; a digest goes with the name of its own accord. */
function splitTag(ref: string): readonly [name: string, tag: string] {
  const digest = ref.indexOf('@');
  if (digest !== -1) return [ref.slice(0, digest), ref.slice(digest + 1)];
  const colon = ref.indexOf(':', ref.lastIndexOf('/') + 1);
  return colon === -1 ? [ref, 'latest'] : [ref.slice(0, colon), ref.slice(colon + 1)];
}

/** Links of other containers are names too, behind one more slash. */
function containerEntry({ Id, Names, Labels, State }: Json): ContainerEntry {
  const names = ((Names ?? []) as string[]).map((name) => name.replace(/^\//, ''));
  return {
    id: textOf(Id),
    name: names.find((name) => !name.includes('/')) ?? '',
    labels: (Labels ?? {}) as Readonly<Record<string, string>>,
    state: textOf(State),
  };
}

function containerFacts(found: Json): ContainerFacts {
  const { Id, Image, State, Config, NetworkSettings } = found as {
    Id: string;
    Image: string;
    State: Readonly<Record<string, unknown>>;
    Config: {
      readonly Labels?: Readonly<Record<string, string>> | null;
      readonly StopSignal?: string;
      readonly Tty?: boolean;
    };
    NetworkSettings?: {
      readonly Networks?: Readonly<
        Record<string, { readonly IPAddress?: string; readonly GlobalIPv6Address?: string }>
      > | null;
    };
  };
  const networks = Object.entries(NetworkSettings?.Networks ?? {}).map(
    ([name, { IPAddress: ip = '', GlobalIPv6Address: ip6 = '' }]) => [name, { ip, ip6 }] as const,
  );
  return {
    id: Id,
    imageId: Image,
    labels: Config.Labels ?? {},
    stopSignal: Config.StopSignal,
    isTty: Config.Tty === true,
    networks: Object.fromEntries(networks),
    state: {
      status: textOf(State['Status']),
      pid: Number(State['Pid'] ?? 0),
      exitCode: Number(State['ExitCode'] ?? 0),
      oomKilled: State['OOMKilled'] === true,
      error: textOf(State['Error']),
      startedAt: timeOf(State['StartedAt']),
      finishedAt: timeOf(State['FinishedAt']),
    },
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The engine says "never" by the year 1. */
function timeOf(text: unknown): number | undefined {
  const ms = Date.parse(textOf(text));
  return Number.isNaN(ms) || ms <= 0 ? undefined : ms;
}
