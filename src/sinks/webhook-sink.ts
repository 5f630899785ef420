/**
 * Events to a webhook: one POST for a batch, signed, and nothing follows before it is answered with 2xx. Where
 * an answer points elsewhere nobody goes: the operator has said where events go, and whoever answers there has
 * no say in it.
 */
import type { Agent, IncomingMessage, RequestOptions } from 'node:http';
import { HoldfastError, messageOf } from '../errors.ts';
import { durationMs } from '../spec/duration.ts';
import type { WebhookConfig } from '../spec/sink-schema.ts';
import { readPublic, readSecret } from './secret-file.ts';
import { sign } from './signature.ts';
import { sinkError, type Origin, type Sink, type WrittenEvent } from './sink.ts';

const TYPES = {
  cloudevents: 'application/cloudevents-batch+json',
  native: 'application/json',
} as const;
/** Of an answer: nobody needs more of it than its status. */
const MOST_ANSWER_BYTES = 64 * 1024;

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

export class WebhookSink implements Sink {
  readonly #config: WebhookConfig;
  readonly #origin: Origin;
  #agent: Agent | undefined;

  constructor(config: WebhookConfig, origin: Origin) {
    this.#config = config;
    this.#origin = origin;
  }

  /** Nobody can be asked what is there. */
  async open(after: number): Promise<number> {
    this.#agent = await this.#makeAgent();
    return after;
  }

  async send(events: readonly WrittenEvent[], signal: AbortSignal): Promise<void> {
    const { form, timeout } = this.#config;
    const first = events[0]?.position;
    const last = events.at(-1)?.position;
    // The same events sent again have the same name, as long as they are sent together again.
    const id = `${this.#origin.storeId}/${first}-${last}`;
    const body = `[${events.map(({ text }) => text).join(',')}]`;
    const headers = { ...(await this.#headers(id, body)), 'content-type': TYPES[form] };
    const limit = AbortSignal.timeout(durationMs(timeout));
    try {
      const whole = AbortSignal.any([signal, limit]);
      judge(await this.#post(body, headers, whole));
    } catch (cause) {
      if (limit.aborted) throw sinkError('TIMEOUT', `no answer within ${timeout}`, { cause });
      if (HoldfastError.is(cause)) throw cause;
      throw sinkError('UNAVAILABLE', messageOf(cause), { cause });
    }
  }

  async close(): Promise<void> {
    this.#agent?.destroy();
  }

  async #headers(id: string, body: string): Promise<Record<string, string>> {
    const { headers = {}, secretFile, tokenFile } = this.#config;
    const secrets = secretFile === undefined ? '' : await readSecret(secretFile);
    const token = tokenFile === undefined ? undefined : await readSecret(tokenFile);
    return {
      'user-agent': 'holdfast',
      ...headers,
      'content-length': String(Buffer.byteLength(body)),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...sign(id, Date.now(), body, secrets),
    };
  }

  async #makeAgent(): Promise<Agent> {
    const { url, caFile, certFile, keyFile } = this.#config;
    const kept = { keepAlive: true, maxSockets: 1 };
    if (new URL(url).protocol === 'http:') return new (await import('node:http')).Agent(kept);
    const tls = {
      ...(caFile === undefined ? {} : { ca: await readPublic(caFile) }),
      ...(certFile === undefined ? {} : { cert: await readPublic(certFile) }),
      ...(keyFile === undefined ? {} : { key: await readSecret(keyFile) }),
    };
    return new (await import('node:https')).Agent({ ...kept, ...tls });
  }

  async #post(body: string, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    const url = new URL(this.#config.url);
    const { request } = (await import(url.protocol === 'http:' ? 'node:http' : 'node:https')) as {
      request: typeof import('node:http').request;
    };
    const options: RequestOptions = { method: 'POST', agent: this.#agent, headers, signal };
    return new Promise((resolve, reject) => {
      const asked = request(url, options, (response) => {
        read(response).then(resolve, reject);
      });
      asked.on('error', reject);
      asked.end(body);
    });
  }
}

/** To its end, so that the connection can be used again. */
async function read(response: IncomingMessage): Promise<Answer> {
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MOST_ANSWER_BYTES) break;
  }
  return { status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] };
}

/**
 * 2xx is taken, everything else is not. What is refused is kept and sent again, whatever the status: an event that was
 * thrown away because a receiver had a bug that day is gone. Only 410 ends it, as Standard Webhooks has it.
 */
function judge({ status, retryAfter }: Answer): void {
  if (status >= 200 && status < 300) return;
  const retryAfterMs = delayOf(retryAfter);
  const more = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (status === 410) {
    throw sinkError('UNAVAILABLE', 'the receiver wants nothing any more (410)', { isGone: true });
  }
  if (status === 413) {
    throw sinkError('RESOURCES_EXHAUSTED', 'too much at once (413)', { ...more, isTooLarge: true });
  }
  if (status >= 300 && status < 400) {
    throw sinkError('UNAVAILABLE', `it points elsewhere (${status}), which is not followed`, more);
  }
  throw sinkError('UNAVAILABLE', `the receiver answered ${status}`, more);
}

/** Seconds or a date. */
function delayOf(retryAfter: string | undefined): number | undefined {
  if (retryAfter === undefined) return undefined;
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1000;
  const at = Date.parse(retryAfter);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
