/** The events of the log as an RxJS Observable. What a subscription is made of is in `follow.ts`. */
import { Observable, Subscriber, type Observer, type Operator, type Subscription } from 'rxjs';
import { HoldfastError } from '../errors.ts';
import type { Recorded } from '../events/envelope.ts';
import type { EventLog } from './event-log.ts';
import { follow, type FollowOptions } from './follow.ts';

export { follow, type FollowOptions } from './follow.ts';

export interface FollowObservableOptions extends FollowOptions {
  /**
   * Told what a subscriber's `next` threw or rejected with (its subscription has ended then), and what ended the events
   * of a subscriber that has no `error` callback. Without this care RxJS would throw it out of a timer and end the
   * process.
   */
  readonly onSubscriberError: (error: unknown) => void;
}

/** `follow` as an RxJS Observable: every subscription reads for itself, and unsubscribing ends it at once. */
export function follow$(log: EventLog, options: FollowObservableOptions): Observable<Recorded> {
  const { onSubscriberError, ...rest } = options;
  return new GuardedObservable<Recorded>(onSubscriberError, (subscriber) => {
    const unsubscribed = new AbortController();
    const signals = [unsubscribed.signal, ...(rest.signal === undefined ? [] : [rest.signal])];
    const iterable = follow(log, { ...rest, signal: AbortSignal.any(signals) });
    void pump(iterable, subscriber);
    return () => unsubscribed.abort();
  });
}

async function pump(iterable: AsyncIterable<Recorded>, subscriber: Subscriber<Recorded>) {
  try {
    for await (const event of iterable) subscriber.next(event);
    subscriber.complete();
  } catch (error) {
    subscriber.error(HoldfastError.from(error));
  }
}

type OnSubscriberError = (error: unknown) => void;

/**
 * An Observable whose subscribers cannot take the process down. RxJS rethrows what a subscriber's callback throws from
 * a timer, where nobody can catch it; here the subscription ends and the owner of the Observable is told. It holds for
 * the end of every chain of `pipe`; an Observable that RxJS makes of several others (`merge`, …) has its own rules.
 */
class GuardedObservable<T> extends Observable<T> {
  readonly #onSubscriberError: OnSubscriberError;

  constructor(
    onSubscriberError: OnSubscriberError,
    start?: (subscriber: Subscriber<T>) => (() => void) | void,
  ) {
    super(start);
    this.#onSubscriberError = onSubscriberError;
  }

  /** What RxJS calls for each operator of a `pipe`: its result is guarded too. */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new GuardedObservable<R>(this.#onSubscriberError);
    lifted.source = this;
    lifted.operator = operator as Operator<unknown, R>;
    return lifted;
  }

  override subscribe(
    observerOrNext?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // The next operator of a chain, which hands errors on by itself.
    if (observerOrNext instanceof Subscriber) return super.subscribe(observerOrNext);
    const given: Partial<Observer<T>> =
      typeof observerOrNext === 'object' && observerOrNext !== null
        ? observerOrNext
        : {
            ...(observerOrNext ? { next: observerOrNext } : {}),
            ...(error ? { error } : {}),
            ...(complete ? { complete } : {}),
          };
    return this.#subscribeGuarded(given);
  }

  #subscribeGuarded(given: Partial<Observer<T>>): Subscription {
    let subscription: Subscription | undefined;
    let hasFailed = false;
    const failed = (error: unknown) => {
      if (hasFailed) return;
      hasFailed = true;
      subscription?.unsubscribe();
      this.#onSubscriberError(error);
    };
    const call = (callback: () => unknown) => {
      if (hasFailed) return;
      try {
        const result = callback();
        if (result instanceof Promise) result.catch(failed);
      } catch (error) {
        failed(error);
      }
    };
    subscription = super.subscribe({
      next: (value: T) => call(() => given.next?.(value)),
      error: (error: unknown) =>
        given.error === undefined ? failed(error) : call(() => given.error?.(error)),
      complete: () => call(() => given.complete?.()),
    });
    // An operator may give a first value before `subscribe` returns.
    if (hasFailed) subscription.unsubscribe();
    return subscription;
  }
}
