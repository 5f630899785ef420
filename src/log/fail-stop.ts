import type { HoldfastError } from '../errors.ts';
import { writeFailure } from './refusals.ts';

/**
 * After a failed write it is unknown what is on the disk, and a second try on the same file may claim a success that is
 * none: so nothing is written until the log is opened anew.
 */
export class FailStop {
  readonly #failed = Promise.withResolvers<HoldfastError>();
  readonly #onFailure: () => void;
  #failure: HoldfastError | undefined;

  /** `onFailure` is called once, after the failure is known here. */
  constructor(onFailure: () => void) {
    this.#onFailure = onFailure;
  }

  get failure(): HoldfastError | undefined {
    return this.#failure;
  }
  get failed(): Promise<HoldfastError> {
    return this.#failed.promise;
  }

  /** Throws what an earlier write failed of. */
  assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Writes, unless an earlier write has failed. Throws STORE_FAILED or EPOCH_STALE. */
  write(work: () => void): void {
    this.assertSound();
    try {
      work();
    } catch (error) {
      throw this.fail(writeFailure(error));
    }
  }

  /** As a failed write does; gives the error. */
  fail(error: HoldfastError): HoldfastError {
    this.#failure = error;
    this.#failed.resolve(error);
    this.#onFailure();
    return error;
  }
}
