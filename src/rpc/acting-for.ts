/** On whose behalf a caller says to ask: a header of the call, percent-encoded. */
import { Metadata } from '@grpc/grpc-js';

export const ACTING_FOR = 'holdfast-acting-for';

/** Cut, as headers are limited together. */
const MOST_CHARACTERS = 200;

export function metadataFor(actingFor: string | undefined): Metadata {
  const metadata = new Metadata();
  if (actingFor === undefined || actingFor === '') return metadata;
  const text = actingFor.slice(0, MOST_CHARACTERS).replaceAll(/\p{Cs}/gu, ' ');
  metadata.set(ACTING_FOR, encodeURIComponent(text));
  return metadata;
}
