/** An error as clients of any language read it: google.rpc.Status with the details that AIP-193 names. */
import type { HoldfastError } from '../errors.ts';
import type { Any } from './gen/google/protobuf/any.ts';
import { BadRequest, ErrorInfo, RetryInfo, Status } from './gen/google/rpc/status.ts';

/** The name of the trailer is gRPC's. */
export const STATUS_DETAILS_KEY = 'grpc-status-details-bin';

const DOMAIN = 'holdfast';
/** Whoever may try again shall not do so at once: as between two looks of our own client. */
const RETRY_AFTER_SECONDS = 1;
/** Beside our own form of the error (4 KiB) in trailers that are limited to 8 KB together, in base64. */
const MOST_BYTES = 1_024;
const MOST_TEXT = 128;

/** At most 1 KiB: mistakes that do not fit are left out, the first of them last. */
export function toStatusDetails(error: HoldfastError, code: number): Buffer {
  for (let issues = issuesOf(error); ; issues = issues.slice(0, Math.floor(issues.length / 2))) {
    const bytes = encoded(error, code, issues);
    if (bytes.length <= MOST_BYTES || issues.length === 0) return bytes;
  }
}

interface Issue {
  readonly path: string;
  readonly message: string;
}

function encoded(error: HoldfastError, code: number, issues: readonly Issue[]): Buffer {
  const info = { reason: error.code, domain: DOMAIN, metadata: factsOf(error) };
  const details = [pack('ErrorInfo', ErrorInfo.encode(info).finish())];
  if (issues.length > 0) {
    const fieldViolations = issues.map((issue) => ({
      field: issue.path.slice(0, MOST_TEXT),
      description: issue.message.slice(0, MOST_TEXT),
    }));
    details.push(pack('BadRequest', BadRequest.encode({ fieldViolations }).finish()));
  }
  if (error.retryable) {
    const retryDelay = { seconds: RETRY_AFTER_SECONDS, nanos: 0 };
    details.push(pack('RetryInfo', RetryInfo.encode({ retryDelay }).finish()));
  }
  const message = error.message.slice(0, 2 * MOST_TEXT);
  return Buffer.from(Status.encode({ code, message, details }).finish());
}

function pack(name: string, value: Uint8Array): Any {
  return { typeUrl: `type.googleapis.com/google.rpc.${name}`, value: Buffer.from(value) };
}

/** Plain facts only: what else an error knows is in our own form of it. */
function factsOf({ details }: HoldfastError): Record<string, string> {
  const plain = Object.entries(details).filter(([, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value),
  );
  const texts = plain.map(([key, value]) => [key, String(value).slice(0, MOST_TEXT)]);
  return Object.fromEntries(texts.slice(0, 4));
}

function issuesOf({ details }: HoldfastError): readonly Issue[] {
  const issues = details['issues'];
  if (!Array.isArray(issues)) return [];
  return issues.map(({ path = '', message = '' }: Partial<Issue>) => ({ path, message }));
}
