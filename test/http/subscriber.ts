/** A reader of a stream that can leave at any byte. */
import { request, type IncomingMessage } from 'node:http';

export interface Subscriber {
  readonly status: number;
  readonly type: string | undefined;
  /** The next piece that ends with `end`, without it; undefined when the stream is over. */
  next(): Promise<string | undefined>;
  leave(): void;
}

export function subscribe(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
  end = '\n',
): Promise<Subscriber> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      const pieces = piecesOf(response, end);
      resolve({
        status: response.statusCode ?? 0,
        type: response.headers['content-type'],
        next: async () => (await pieces.next()).value,
        leave: () => void response.destroy(),
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}

async function* piecesOf(
  response: IncomingMessage,
  end: string,
): AsyncGenerator<string, undefined, undefined> {
  let text = '';
  response.setEncoding('utf8');
  for await (const part of response as AsyncIterable<string>) {
    text += part;
    for (let at = text.indexOf(end); at >= 0; at = text.indexOf(end)) {
      yield text.slice(0, at);
      text = text.slice(at + end.length);
    }
  }
  if (text !== '') yield text;
  return undefined;
}
