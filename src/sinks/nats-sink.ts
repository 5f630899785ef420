/**
 * Events in a stream of NATS JetStream, each once: the stream is asked for the last one that it has of this
 * agent, and drops for itself what comes twice within its window. One is published when the one before is
 * acknowledged: with several under way, one that failed would be behind those that did not, and the last one
 * would say nothing about it.
 */
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { HoldfastError, messageOf } from '../errors.ts';
import { durationMs } from '../spec/duration.ts';
import type { NatsConfig } from '../spec/sink-schema.ts';
import { readPublic, readSecret } from './secret-file.ts';
import { sinkError, type Origin, type Sink, type WrittenEvent } from './sink.ts';

export class NatsSink implements Sink {
  readonly #config: NatsConfig;
  readonly #origin: Origin;
  #connection: NatsConnection | undefined;
  #stream: JetStreamClient | undefined;

  constructor(config: NatsConfig, origin: Origin) {
    this.#config = config;
    this.#origin = origin;
  }

  async open(after: number): Promise<number> {
    return this.#attempt(async () => {
      const { jetstream, jetstreamManager } = await import('@nats-io/jetstream');
      this.#connection = await this.#connect();
      const timeout = durationMs(this.#config.timeout);
      // An account may well be allowed to publish and not to be told of itself.
      const streams = await jetstreamManager(this.#connection, { checkAPI: false, timeout });
      await this.#ensureStream(streams);
      this.#stream = jetstream(this.#connection);
      return Math.max(after, await this.#newest(streams));
    });
  }

  async send(events: readonly WrittenEvent[], signal: AbortSignal): Promise<void> {
    const { stream, timeout } = this.#config;
    const expect = { streamName: stream };
    await this.#attempt(async () => {
      for (const written of events) {
        signal.throwIfAborted();
        const msgID = `${this.#origin.storeId}/${written.position}`;
        const options = { msgID, expect, timeout: durationMs(timeout) };
        await this.#stream?.publish(this.#subjectOf(written), written.text, options);
      }
    });
  }

  async close(): Promise<void> {
    await this.#connection?.close().catch(() => undefined);
    this.#connection = undefined;
  }

  /** Without coming back by itself: what was under way then is not known, and the pump begins anew. */
  async #connect(): Promise<NatsConnection> {
    const { connect, credsAuthenticator } = await import('@nats-io/transport-node');
    const { servers, timeout, credsFile, tokenFile } = this.#config;
    const tls = await this.#tls();
    return connect({
      servers,
      name: `holdfast ${this.#origin.instanceId}`,
      reconnect: false,
      timeout: durationMs(timeout),
      ...(tls === undefined ? {} : { tls }),
      ...(tokenFile === undefined ? {} : { token: await readSecret(tokenFile) }),
      ...(credsFile === undefined
        ? {}
        : { authenticator: credsAuthenticator(Buffer.from(await readSecret(credsFile))) }),
    });
  }

  async #tls(): Promise<{ ca?: string; cert?: string; key?: string } | undefined> {
    const { servers, caFile, certFile, keyFile } = this.#config;
    const isWanted = servers.some((server) => server.startsWith('tls:'));
    if (!isWanted && caFile === undefined && certFile === undefined) return undefined;
    return {
      ...(caFile === undefined ? {} : { ca: await readPublic(caFile) }),
      ...(certFile === undefined ? {} : { cert: await readPublic(certFile) }),
      ...(keyFile === undefined ? {} : { key: await readSecret(keyFile) }),
    };
  }

  async #ensureStream({ streams }: JetStreamManager): Promise<void> {
    const { stream, subject, createStream } = this.#config;
    if (createStream) await streams.add({ name: stream, subjects: [`${subject}.>`] });
  }

  /** 0 when it has none, none of this store, or does not say. */
  async #newest({ streams }: JetStreamManager): Promise<number> {
    const { stream, subject } = this.#config;
    const own = `${subject}.${this.#origin.instanceId}.>`;
    const last = await streams.getMessage(stream, { last_by_subj: own });
    const [, storeId, position] = /^([^/]+)\/(\d{1,15})$/.exec(last?.header.get(ID) ?? '') ?? [];
    return storeId === this.#origin.storeId ? Number(position) : 0;
  }

  #subjectOf({ event }: WrittenEvent): string {
    const { alloc, allocId, task, type } = event;
    const words = [this.#origin.instanceId, alloc ?? allocId ?? '', task ?? '', type];
    return [this.#config.subject, ...words.map(asWord)].join('.');
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (HoldfastError.is(cause)) throw cause;
      throw sinkError('UNAVAILABLE', `NATS: ${messageOf(cause)}`, { cause });
    }
  }
}

/** By which a stream knows what it has. */
const ID = 'Nats-Msg-Id';

/** Dots are between words; `_` is none. */
function asWord(text: string): string {
  return text === '' ? '_' : text.replaceAll(/[^A-Za-z0-9_-]/g, '_');
}
