/** What is used of the two packages, which are loaded by agents that send to NATS only. */
declare module '@nats-io/transport-node' {
  export interface NatsConnection {
    /** Resolves when it is over, with why. */
    closed(): Promise<Error | void>;
    close(): Promise<void>;
  }
  export interface ConnectionOptions {
    readonly servers: readonly string[];
    readonly name: string;
    readonly reconnect: boolean;
    readonly timeout: number;
    readonly token?: string;
    readonly authenticator?: unknown;
    readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | null;
  }
  export function connect(options: ConnectionOptions): Promise<NatsConnection>;
  export function credsAuthenticator(creds: Uint8Array): unknown;
}

declare module '@nats-io/jetstream' {
  import type { NatsConnection } from '@nats-io/transport-node';

  export interface StoredMessage {
    readonly header: { get(name: string): string };
  }
  export interface JetStreamManager {
    readonly streams: {
      info(stream: string): Promise<unknown>;
      add(config: {
        readonly name: string;
        readonly subjects: readonly string[];
      }): Promise<unknown>;
      /** Null when there is none. */
      getMessage(
        stream: string,
        query: { readonly last_by_subj: string },
      ): Promise<StoredMessage | null>;
    };
  }
  export interface JetStreamClient {
    /** Resolves when the stream has it. */
    publish(
      subject: string,
      payload: string,
      options: {
        readonly msgID: string;
        readonly timeout: number;
        readonly expect: { readonly streamName: string };
      },
    ): Promise<{ readonly duplicate: boolean }>;
  }
  export function jetstream(connection: NatsConnection): JetStreamClient;
  export function jetstreamManager(
    connection: NatsConnection,
    options?: { readonly checkAPI?: boolean; readonly timeout?: number },
  ): Promise<JetStreamManager>;
}
