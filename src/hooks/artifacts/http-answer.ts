/** One question to a web server, redirects followed: who is let in somewhere is not told to anybody else. */
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { errnoOf, messageOf } from '../../errors.ts';
import { shownSource } from '../../spec/artifact-source.ts';
import { passing, refused } from './faults.ts';
import { isNear } from './near-address.ts';

export type Headers = Readonly<Record<string, string>>;

export interface Question {
  readonly url: string;
  /** Of the spec: for the host of `url` only. */
  readonly headers: Headers;
  /** Of the question itself, for every host. */
  readonly range: Headers;
  readonly isInsecure: boolean;
  /** Adds what proves who asks, to what the spec's headers say; then no redirect is followed. */
  readonly sign?: ((url: string, headers: Headers) => Promise<Headers>) | undefined;
  readonly signal: AbortSignal;
}

const MOST_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|EPROTO|HOSTNAME/;

/** The answer, whatever its status, but no redirect. The caller reads it or destroys it. */
export async function answerTo(question: Question): Promise<IncomingMessage> {
  let url = new URL(question.url);
  let headers = question.headers;
  for (let step = 0; step <= MOST_REDIRECTS; step += 1) {
    const signed = (await question.sign?.(url.href, headers)) ?? headers;
    const answer = await ask(url, { ...signed, ...question.range }, question);
    const { statusCode = 0 } = answer;
    const { location } = answer.headers;
    if (!REDIRECTS.has(statusCode) || location === undefined) return answer;
    answer.destroy();
    if (question.sign !== undefined) throw elsewhere(answer, url);
    const next = redirected(url, location, question.isInsecure);
    if (next.origin !== url.origin) {
      headers = {};
      await refuseNear(question, url, next);
    }
    url = next;
  }
  throw refused(`${shownSource(question.url)} redirects more than ${MOST_REDIRECTS} times`);
}

function redirected(from: URL, location: string, isInsecure: boolean): URL {
  const shown = shownSource(from.href);
  if (!URL.canParse(location, from.href)) throw refused(`${shown} redirects to what is no address`);
  const next = new URL(location, from);
  if (next.protocol === 'https:') return next;
  const isAllowed = next.protocol === 'http:' && (from.protocol === 'http:' || isInsecure);
  if (isAllowed) return next;
  throw refused(`${shown} redirects to ${shownSource(next.href)}, which is not https`);
}

/** Who writes a group may ask for what this machine alone can reach; whom he asks may not send the agent there. */
async function refuseNear(question: Question, from: URL, to: URL): Promise<void> {
  if (!(await isNear(to.hostname)) || (await isNear(new URL(question.url).hostname))) return;
  const places = `${shownSource(from.href)} redirects to ${shownSource(to.href)}`;
  throw refused(`${places}, an address of this machine or of its link: name that as the source`);
}

/** A signature is for one host. */
function elsewhere(answer: IncomingMessage, url: URL): Error {
  const region = answer.headers['x-amz-bucket-region'];
  const hint = typeof region === 'string' ? `: set options.region to "${region}"` : '';
  return refused(`${shownSource(url.href)} says that the bucket is elsewhere${hint}`);
}

function ask(url: URL, headers: Headers, question: Question): Promise<IncomingMessage> {
  const isSafe = url.protocol === 'https:';
  // Proxies as everywhere else; connections are not kept for anybody.
  const agent = isSafe
    ? new https.Agent({ proxyEnv: process.env, rejectUnauthorized: !question.isInsecure })
    : new http.Agent({ proxyEnv: process.env });
  const plain = { 'user-agent': 'holdfast', 'accept-encoding': 'identity' };
  const options = { agent, headers: { ...plain, ...headers }, signal: question.signal };
  return new Promise((resolve, reject) => {
    const request = (isSafe ? https : http).get(url, options, resolve);
    request.on('error', (error) => {
      if (question.signal.aborted) reject(question.signal.reason as Error);
      else reject(networkFault(url.href, error));
    });
  });
}

/** Nobody renews a certificate within a restart; everything else of a network passes. */
export function networkFault(url: string, error: unknown): Error {
  const errno = errnoOf(error) ?? '';
  const text = `${shownSource(url)}: ${messageOf(error) || errno}`;
  return CERTIFICATE.test(errno) ? refused(text, error) : passing(text, error);
}
