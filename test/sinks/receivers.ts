/** Receivers of real agents: a webhook that counts, and what a file and a stream hold. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export class CountingWebhook {
  /** Positions, in the order in which they came, those that came twice too. */
  readonly got: number[] = [];
  /** Of so many requests each is refused after it was taken: a lost answer. */
  losesEvery = 0;
  isDown = false;
  /** Between the last byte of a request and the moment in which it counts. */
  takesMs = 10;
  requests = 0;
  #server: Server | undefined;

  async listen(): Promise<string> {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        this.requests += 1;
        if (this.isDown) return void response.writeHead(503).end();
        setTimeout(() => this.#take(Buffer.concat(parts).toString(), response), this.takesMs);
      });
    });
    const server = this.#server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  /** Whoever has gone away meanwhile has sent nothing. */
  #take(body: string, response: ServerResponse): void {
    if (response.destroyed) return;
    const events = JSON.parse(body) as { sequence: string }[];
    this.got.push(...events.map(({ sequence }) => Number(sequence)));
    const isLost = this.losesEvery > 0 && this.requests % this.losesEvery === 0;
    response.writeHead(isLost ? 500 : 204).end();
  }

  async close(): Promise<void> {
    const server = this.#server;
    server?.closeAllConnections();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }
}

/** Of a file and those before it, in order. */
export function positionsIn(path: string, files = 10): number[] {
  const names = Array.from({ length: files - 1 }, (_, at) => `${path}.${files - 1 - at}`);
  const there = [...names, path].filter((name) => existsSync(name));
  return there.flatMap((name) =>
    readFileSync(name, 'utf8')
      .trimEnd()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { position: number }).position),
  );
}

/** What is not there although something later is, or although it should be; up to `head`. */
export function holesIn(positions: readonly number[], head: number): number[] {
  const there = new Set(positions);
  return Array.from({ length: head }, (_, at) => at + 1).filter((one) => !there.has(one));
}
