/** Does the file system of a data directory keep what Holdfast's protocol takes for granted? Tried, not looked up. */
import {
  accessSync,
  constants,
  existsSync,
  linkSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { checkDataDirectoryPath, diskTrouble } from '../data-dir.ts';
import { errnoOf, messageOf } from '../errors.ts';
import { connect, makeDurable } from '../log/sqlite.ts';
import { syncDirectory } from '../os/atomic-file.ts';
import { failure, fine, sizeText, warning, type Finding } from './finding.ts';

/** Below this an agent that was told nothing else locks all starts. */
const FLOOR_BYTES = 64 * 1024 * 1024;
/** So many floors are enough that a burst of output does not lock starts at once. */
const COMFORT = 8;
const FEWEST_INODES = 1_000;

/** `dataDir` need not exist: then its nearest parent is looked at. `floorBytes` is what the newest agent was told. */
export async function fileSystem(
  dataDir: string,
  floorBytes = FLOOR_BYTES,
): Promise<readonly Finding[]> {
  if (!isPossible(dataDir)) return [];
  const place = nearest(dataDir);
  return [...(await probe(place)), ...room(place, floorBytes)];
}

/** Of a path that cannot be a data directory's, the finding about that says enough. */
function isPossible(dataDir: string): boolean {
  try {
    checkDataDirectoryPath(dataDir);
    return true;
  } catch {
    return false;
  }
}

function nearest(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : nearest(dirname(path));
}

/** In a directory of its own that is gone afterwards, and only where this user may make one. */
async function probe(place: string): Promise<readonly Finding[]> {
  let dir: string;
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
    dir = mkdtempSync(join(place, '.doctor-'));
  } catch (error) {
    const errno = errnoOf(error) ?? messageOf(error);
    const remedies: Readonly<Record<string, string>> = {
      EACCES: `run holdfast doctor as the user of ${place}`,
      ENOSPC: 'make room',
      EROFS: 'mount it read-write',
    };
    const text = `nothing was tried in ${place}: ${errno}`;
    return [warning('file system', text, remedies[errno] ?? null)];
  }
  try {
    return await Promise.all(PROBES.map((one) => tryOut(one, dir)));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Probe {
  readonly check: string;
  readonly promise: string;
  readonly work: (dir: string) => void | Promise<void>;
}

const PROBES: readonly Probe[] = [
  {
    check: 'link',
    promise: 'link(2) lets one of two win',
    work(dir) {
      writeFileSync(join(dir, 'one'), '');
      linkSync(join(dir, 'one'), join(dir, 'winner'));
      try {
        linkSync(join(dir, 'one'), join(dir, 'winner'));
      } catch (error) {
        if (errnoOf(error) === 'EEXIST') return;
        throw error;
      }
      throw new Error('a second link to the same name was allowed');
    },
  },
  { check: 'fsync', promise: 'a directory can be synced', work: syncDirectory },
  {
    check: 'fifo',
    promise: 'FIFOs can be made',
    async work(dir) {
      const { makeFifo } = await import('../os/libc.ts');
      makeFifo(join(dir, 'fifo'));
    },
  },
  {
    check: 'unix socket',
    promise: 'one can be listened on',
    async work(dir) {
      const server = createServer().listen(join(dir, 's'));
      await once(server, 'listening');
      server.close();
    },
  },
  {
    check: 'durability',
    promise: 'SQLite keeps a write-ahead log here and syncs every commit',
    work(dir) {
      const connection = connect(join(dir, 'probe.db'));
      try {
        makeDurable(connection);
        connection.exec('CREATE TABLE probe (x)');
      } finally {
        connection.close();
      }
    },
  },
];

async function tryOut({ check, promise, work }: Probe, dir: string): Promise<Finding> {
  try {
    await work(dir);
    return fine(check, promise);
  } catch (error) {
    const text = `it does not hold that ${promise}: ${messageOf(error)}`;
    // SQLite speaks of an I/O error where it cannot make room for its index.
    const trouble = diskTrouble(dirname(dir));
    if (trouble === undefined) {
      return failure(check, text, 'put the data directory on another file system');
    }
    return failure(check, `${messageOf(error)}, and ${trouble.text}`, trouble.remedy);
  }
}

function room(place: string, floorBytes: number): readonly Finding[] {
  const { bavail, bsize, blocks, files, ffree } = statfsSync(place);
  const free = bavail * bsize;
  const text = `${sizeText(free)} of ${sizeText(blocks * bsize)} are free at ${place}`;
  const isTight = files > 0 && ffree < FEWEST_INODES;
  return [
    spaceFinding(free, floorBytes, text),
    isTight
      ? warning('inodes', `only ${ffree} of ${files} are free`, 'remove files that nobody needs')
      : fine('inodes', files === 0 ? 'not limited' : `${ffree} of ${files} are free`),
  ];
}

function spaceFinding(free: number, floorBytes: number, text: string): Finding {
  if (free < floorBytes) {
    const message = `${text}: below ${sizeText(floorBytes)} nothing is started`;
    return failure('disk space', message, 'make room; starts go on by themselves then');
  }
  if (free < COMFORT * Math.max(floorBytes, FLOOR_BYTES))
    return warning('disk space', text, 'make room');
  return fine('disk space', text);
}
