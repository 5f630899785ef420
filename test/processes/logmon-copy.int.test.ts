import { openSync, closeSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { ERRNO } from '../../src/os/pipes.ts';
import { CopyMover } from '../../src/processes/logmon-host/copy-pump.ts';
import { openFifo } from '../../src/processes/logmon-host/fifo.ts';
import { openLaboratory } from '../fixtures/logmon/laboratory.ts';

it('a copy keeps what it has read until it can be written', async () => {
  using lab = openLaboratory();
  const fifo = await openFifo(lab.fifo);
  const full = openSync('/dev/full', 'r+');
  const file = openSync(join(lab.dir, 'file'), 'w');
  const mover = new CopyMover();
  expect(mover.move(fifo, file, 0, 100)).toBe(-ERRNO.EAGAIN);
  writeSync(lab.hold, 'kept');
  expect(mover.move(fifo, full, 0, 100)).toBe(-ERRNO.ENOSPC);
  expect(mover.pendingBytes).toBe(4);
  writeSync(lab.hold, ' and more');
  expect(mover.move(fifo, file, 0, mover.pendingBytes)).toBe(4);
  expect(mover.move(fifo, file, 4, 100)).toBe(9);
  expect(readFileSync(join(lab.dir, 'file'), 'utf8')).toBe('kept and more');
  for (const fd of [fifo, full, file]) closeSync(fd);
});
