/** From a method and a path to a route. Built once; a look-up goes piece by piece and costs the same for every path. */
import { HoldfastError } from '../errors.ts';
import type { Route } from './route.ts';

interface Place {
  readonly named: Map<string, Place>;
  any: Place | undefined;
  readonly routes: Map<string, Route>;
}

export interface Match {
  readonly route: Route;
  /** What stands in the places in braces, in order. */
  readonly pieces: readonly string[];
}

export class Matcher {
  readonly #root = place();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      let at = this.#root;
      for (const piece of route.path.slice(1).split('/')) {
        if (piece.startsWith('{')) at = at.any ??= place();
        else at = next(at, piece);
      }
      at.routes.set(route.method, route);
    }
  }

  /** HEAD is GET. Errors: NOT_FOUND; USAGE with status 405 and `details.allow`; USAGE for a path that is none. */
  find(method: string, path: string): Match {
    let at: Place | undefined = this.#root;
    const pieces: string[] = [];
    for (const written of path.slice(1).split('/')) {
      const named: Place | undefined = at.named.get(written);
      if (named === undefined) pieces.push(decoded(written));
      at = named ?? at.any;
      if (at === undefined) break;
    }
    if (at === undefined || at.routes.size === 0) {
      throw new HoldfastError(
        'NOT_FOUND',
        'there is nothing at this path: /v1/openapi.json lists all',
      );
    }
    const route = at.routes.get(method === 'HEAD' ? 'GET' : method);
    if (route !== undefined) return { route, pieces };
    const allow = [...at.routes.keys()].join(', ');
    throw new HoldfastError('USAGE', `this path knows ${allow}`, {
      details: { status: 405, allow },
    });
  }
}

function place(): Place {
  return { named: new Map(), any: undefined, routes: new Map() };
}

function next(at: Place, piece: string): Place {
  const known = at.named.get(piece);
  if (known !== undefined) return known;
  const made = place();
  at.named.set(piece, made);
  return made;
}

function decoded(piece: string): string {
  try {
    const text = decodeURIComponent(piece);
    if (text !== '' && !text.includes('/')) return text;
  } catch {
    // Said below.
  }
  throw new HoldfastError('NOT_FOUND', 'a piece of the path is empty or cannot be read');
}
