/** Where the engine of a container is, as a request says it. */
import type { EnginePlace } from '../../engine/engine-call.ts';

interface WrittenPlace {
  readonly endpoint: string;
  /** Paths of PEM files; empty: none. */
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly tlsCa: string;
}

export function placeOf({
  endpoint,
  tlsCert: cert,
  tlsKey: key,
  tlsCa: ca,
}: WrittenPlace): EnginePlace {
  const paths = Object.entries({ cert, key, ca }).filter(([, path]) => path !== '');
  return paths.length === 0 ? { endpoint } : { endpoint, tls: Object.fromEntries(paths) };
}
