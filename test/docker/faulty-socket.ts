/** Stands between a client and the socket of an engine, and breaks the calls that it is told to break. */
import {
  request,
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';

export type Fault =
  /** Refused with status 500; the engine never hears of it. */
  | 'error before'
  /** The engine carries it out, and the answer is status 500. */
  | 'error after'
  /** The engine never hears of it, and nobody answers. */
  | 'hang before'
  /** The engine carries it out, and nobody answers. */
  | 'hang after'
  /** The engine carries it out, and half of the answer arrives. */
  | 'cut';

interface Trap {
  readonly method: string;
  readonly path: RegExp;
  readonly fault: Fault;
  left: number;
  /** Lets a call that hangs before go on to the engine after all. */
  readonly release: Promise<void> | undefined;
}

export class FaultySocket {
  readonly socket: string;
  readonly endpoint: string;
  /** Of every call that was to be broken and was. */
  readonly broken: string[] = [];
  readonly #engine: string;
  readonly #server: Server;
  readonly #traps: Trap[] = [];

  private constructor(socket: string, engine: string) {
    this.socket = socket;
    this.endpoint = `unix://${socket}`;
    this.#engine = engine;
    this.#server = createServer(
      (call, answer) => void this.#pass(call, answer).catch(() => answer.destroy()),
    );
  }

  static async open(socket: string, engine: string): Promise<FaultySocket> {
    const proxy = new FaultySocket(socket, engine);
    await new Promise<void>((resolve) => proxy.#server.listen(socket, resolve));
    return proxy;
  }

  /** Breaks the next `times` calls of this kind. `release`: when one that hangs before is passed on, late. */
  break(method: string, path: RegExp, fault: Fault, times = 1, release?: Promise<void>): void {
    this.#traps.push({ method, path, fault, left: times, release });
  }

  /** Breaks every connection off; calls that hang before go on to the engine all the same, when they are let. */
  drop(): void {
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #pass(call: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = call;
    const trap = this.#traps.find(
      (one) => one.left > 0 && one.method === method && one.path.test(url),
    );
    const chunks: Buffer[] = [];
    for await (const chunk of call) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (trap === undefined) return this.#forward(call, body, answer);
    trap.left -= 1;
    this.broken.push(`${method} ${url.split('?', 1)[0]} ${trap.fault}`);
    if (trap.fault === 'error before') return refuse(answer);
    if (trap.fault === 'hang before') {
      if (trap.release === undefined) return;
      await trap.release;
      await this.#asked(call, body);
      return;
    }
    const { text } = await this.#asked(call, body);
    if (trap.fault === 'error after') return refuse(answer);
    if (trap.fault === 'hang after') return;
    answer.writeHead(200, { 'content-length': Math.max(2, text.length) });
    answer.write(text.slice(0, Math.floor(text.length / 2)) || '{');
    setTimeout(() => answer.destroy(), 20);
  }

  #asked(call: IncomingMessage, body: Buffer): Promise<{ readonly text: string }> {
    return new Promise((resolve, reject) => {
      const { method, url: path, headers } = call;
      const asked = request({ socketPath: this.#engine, method, path, headers }, (found) => {
        const parts: Buffer[] = [];
        found.on('data', (part: Buffer) => parts.push(part));
        found.on('end', () => resolve({ text: Buffer.concat(parts).toString() }));
        found.on('error', reject);
      });
      asked.on('error', reject);
      asked.end(body);
    });
  }

  #forward(call: IncomingMessage, body: Buffer, answer: ServerResponse): void {
    const { method, url: path, headers } = call;
    const asked = request({ socketPath: this.#engine, method, path, headers }, (found) => {
      answer.writeHead(found.statusCode ?? 500, found.headers);
      answer.flushHeaders();
      found.pipe(answer);
      found.on('error', () => answer.destroy());
    });
    answer.on('close', () => asked.destroy());
    asked.on('error', () => answer.destroy());
    asked.end(body);
  }
}

function refuse(answer: ServerResponse): void {
  answer.writeHead(500, { 'content-type': 'application/json' });
  answer.end(JSON.stringify({ message: 'broken on purpose' }));
}
