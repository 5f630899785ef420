/** A task's directories, and a server that answers as a test says. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { fetchArtifact, type ArtifactWish } from '../../../src/hooks/artifacts/fetch-artifact.ts';
import { ARTIFACT_RULES, type ArtifactRules } from '../../../src/hooks/artifacts/rules.ts';
import type { ArtifactSpec } from '../../../src/spec/artifact-spec.ts';
import { HoldfastError } from '../../../src/errors.ts';

export interface Place {
  readonly top: string;
  readonly dirs: { readonly task: string; readonly alloc: string };
  readonly dir: string;
}

/** A directory of its own, removed with the test. */
export function place(): Place {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'artifact-')));
  onTestFinished(() => rmSync(top, { recursive: true, force: true }));
  const dirs = { task: join(top, 'a1', 'web'), alloc: join(top, 'a1', 'alloc') };
  for (const path of [dirs.task, dirs.alloc]) mkdirSync(path, { recursive: true });
  return { top, dirs, dir: join(top, 'a1', '.artifacts', 'web', 'k1') };
}

export type Wish = Partial<ArtifactSpec> & { readonly source: string };

/** What was told of it, or the error as a line. */
export async function fetched(
  where: Place,
  wish: Wish,
  rules: Partial<ArtifactRules> = {},
  more: Partial<ArtifactWish> = {},
): Promise<string> {
  const artifact: ArtifactSpec = { destination: 'local', mode: 'any', ...wish };
  const { signal } = new AbortController();
  try {
    return await fetchArtifact({
      artifact,
      env: {},
      owner: undefined,
      signal,
      ...where,
      rules: { ...ARTIFACT_RULES, ...rules },
      ...more,
    });
  } catch (error) {
    const { code, message, retryable } = HoldfastError.from(error);
    return `${code}${retryable ? ', may pass' : ''}: ${message}`;
  }
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface Web {
  readonly url: string;
  /** Everything that was asked, in order. */
  readonly asked: IncomingMessage[];
}

export async function web(answer: Answer): Promise<Web> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** Gives the same bytes to everybody. */
export function serving(content: Buffer | string): Promise<Web> {
  return web((_request, response) => response.end(content));
}

/** What is asked for by a range, as a server does that knows its file by `etag`. */
export function inRanges(content: Buffer, etag: string): Answer {
  return ({ headers }, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    response.setHeader('etag', etag);
    if (headers.range === undefined || headers['if-range'] !== etag) return response.end(content);
    if (from >= content.length) {
      response.setHeader('content-range', `bytes */${content.length}`);
      response.statusCode = 416;
      return response.end();
    }
    response.setHeader('content-range', `bytes ${from}-${content.length - 1}/${content.length}`);
    response.statusCode = 206;
    return response.end(content.subarray(from));
  };
}
