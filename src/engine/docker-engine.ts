/** The calls of Docker's API. */
import type { Duplex, Readable } from 'node:stream';
import type {
  ContainerEntry,
  ContainerFacts,
  Engine,
  EngineFacts,
  EngineVersion,
  ExecFacts,
  ImageFacts,
} from './engine.ts';
import { containerEntry, containerFacts } from './container-facts.ts';
import {
  callEngine,
  type CallWish,
  type EnginePlace,
  hijackEngine,
  wholeText,
} from './engine-call.ts';
import { EngineError, isRefusal } from './engine-error.ts';
import { type Json, parsed, textOf } from './engine-json.ts';
import { load, pull } from './image-streams.ts';

const LIMIT_MS = 10_000;
/** Nobody answers on a connection that hangs, and nothing tells it from a program that goes on. */
const WAITED_LIMITS = 6;

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
    const limitMs = this.#limitMs * WAITED_LIMITS;
    const wish = { method: 'POST', path: `${at(ref)}/wait`, signal, limitMs } as const;
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

  loadImage(tar: Readable, signal: AbortSignal): Promise<readonly string[]> {
    return load(this.#place, tar, signal);
  }

  async removeImage(ref: string): Promise<boolean> {
    const path = `/images/${encodeURIComponent(ref)}`;
    return (await unless([404, 409], this.#json('DELETE', path))) !== undefined;
  }

  async info(): Promise<EngineFacts> {
    const { Runtimes } = await this.#json('GET', '/info');
    const bridge = await unless([404], this.#json('GET', '/networks/bridge'));
    const { Config } = (bridge?.['IPAM'] ?? {}) as { Config?: readonly Json[] | null };
    const bridgeIp = Config?.map((one) => textOf(one['Gateway'])).find((ip) => ip !== '');
    return { runtimes: Object.keys(Runtimes ?? {}).toSorted(), bridgeIp };
  }

  async createExec(ref: string, body: Json): Promise<{ id: string }> {
    return { id: textOf((await this.#json('POST', `${at(ref)}/exec`, body))['Id']) };
  }

  startExec(id: string, { isTty }: { readonly isTty: boolean }): Promise<Duplex> {
    const body = { Detach: false, Tty: isTty };
    const wish = {
      method: 'POST',
      path: `/exec/${id}/start`,
      body,
      limitMs: this.#limitMs,
    } as const;
    return hijackEngine(this.#place, wish);
  }

  async inspectExec(id: string): Promise<ExecFacts | undefined> {
    const found = await unless([404], this.#json('GET', `/exec/${id}/json`));
    const exitCode = found?.['ExitCode'] ?? undefined;
    return (
      found && {
        isRunning: found['Running'] === true,
        exitCode: exitCode === undefined ? undefined : Number(exitCode),
        pid: Number(found['Pid'] ?? 0),
      }
    );
  }

  async resizeExec(id: string, { columns, rows }: { columns: number; rows: number }) {
    const path = `/exec/${id}/resize?h=${rows}&w=${columns}`;
    return (await unless([404, 409, 500], this.#json('POST', path))) !== undefined;
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
