/** `read-loop.ts FIFO...`: stands for every logger written in Node, by the fastest read loop there is. */
import { constants, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';

const fifos = process.argv.slice(2);
for (const fifo of fifos) {
  const file = openSync(`${fifo}.copy`, 'w');
  const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.allocUnsafe(fifos.length > 1 ? 65_536 : 1_048_576);
  const socket = new Socket({
    fd,
    readable: true,
    writable: false,
    onread: {
      buffer,
      callback: (count) => {
        writeSync(file, buffer, 0, count);
        return true;
      },
    },
  });
  socket.read(0);
}
