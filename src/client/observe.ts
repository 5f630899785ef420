import { createRequire } from 'node:module';
import type { Observable } from 'rxjs';

const require = createRequire(import.meta.url);

/**
 * An async iterable as an Observable: every subscription asks `open` for an iteration of its own and aborts it when it
 * unsubscribes. RxJS takes a tenth of a second to load, so it is loaded by the first use and not with this file;
 * `require` gives the same copy that an `import` of the user gives.
 */
export function observe<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  outer: AbortSignal | undefined,
): Observable<T> {
  const rxjs = require('rxjs') as typeof import('rxjs');
  return new rxjs.Observable<T>((subscriber) => {
    const left = new AbortController();
    const signal = outer === undefined ? left.signal : AbortSignal.any([left.signal, outer]);
    const pump = async (): Promise<void> => {
      for await (const value of open(signal)) {
        if (subscriber.closed) return;
        subscriber.next(value);
      }
    };
    pump().then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
    return () => left.abort();
  });
}
