/** Are the snapshots of a store what its events fold to? An agent believes them, so an opening would not notice. */
import { isDeepStrictEqual } from 'node:util';
import type { Folded } from '../actors/event-sourced.ts';
import { FOLDING, toSnapshot } from '../actors/fold-row.ts';
import { messageOf } from '../errors.ts';
import type { StreamName } from '../events/envelope.ts';
import type { StreamSnapshot } from '../log/snapshot-cache.ts';
import { SqliteSnapshots } from '../log/sqlite-snapshots.ts';
import type { StoreFault } from '../log/store-check.ts';
import type { StoreFile } from '../log/store-file.ts';

export class SnapshotCheck {
  readonly #snapshots = new Map<StreamName, StreamSnapshot>();
  readonly #faults: StoreFault[] = [];
  /** Every stream that began before this position should have one. */
  #through = 0;

  /** Only those of this very version are looked at: nobody reads others. */
  constructor({ connection, streams }: StoreFile) {
    if (streams === undefined) return;
    try {
      const doors = { connection, streams, refuseStaleEpoch: () => undefined };
      const saved = new SqliteSnapshots(doors).read(FOLDING);
      for (const snapshot of saved?.states ?? []) this.#snapshots.set(snapshot.stream, snapshot);
      this.#through = saved?.through ?? 0;
    } catch (error) {
      this.#faults.push({ position: null, stream: null, fault: messageOf(error) });
      this.#snapshots.clear();
    }
  }

  /** To be told of every state of every stream, as its events fold to it one after the other. */
  see(stream: StreamName, folded: Folded<unknown>, isFirst: boolean): void {
    const snapshot = this.#snapshots.get(stream);
    const { version, position } = folded;
    if (snapshot === undefined) {
      if (isFirst && position <= this.#through)
        this.#add(position, stream, 'the stream has no snapshot');
      return;
    }
    if (snapshot.version !== version) return;
    this.#snapshots.delete(stream);
    // After a rebuilt state the same facts may stand in another order.
    const isSame =
      snapshot.position === position &&
      isDeepStrictEqual(JSON.parse(snapshot.state), JSON.parse(toSnapshot(stream, folded).state));
    if (!isSame) this.#add(position, stream, 'the snapshot is not what the events fold to');
  }

  /** After the last event. */
  faults(): readonly StoreFault[] {
    for (const { stream, position } of this.#snapshots.values()) {
      this.#add(position, stream, 'the snapshot is of an event that is not there');
    }
    return this.#faults;
  }

  #add(position: number, stream: StreamName, fault: string): void {
    this.#faults.push({ position, stream, fault });
  }
}
