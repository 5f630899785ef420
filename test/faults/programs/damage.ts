/** What bit rot, a bad copy or a careless hand does to a file, chosen by a random number. */
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect } from '../../../src/log/sqlite.ts';
import { makeFifo } from '../../../src/os/libc.ts';

type Random = () => number;
type Damage = (path: string, random: Random) => void;

const below = (random: Random, limit: number): number => Math.floor(random() * limit);

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}

function byteAt(path: string, at: number): number {
  const file = openSync(path, 'r');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  closeSync(file);
  return byte[0] ?? 0;
}

/** Changes the lowest bit of one byte: a digit becomes another digit. */
export function flipByte(path: string, at: number): void {
  overwrite(path, at, Uint8Array.of(byteAt(path, at) ^ 1));
}

/** Kinds that leave a file in its place. */
const CONTENT: Readonly<Record<string, Damage>> = {
  'one bit': (path, random) => {
    const at = below(random, lstatSync(path).size);
    overwrite(path, at, Uint8Array.of(byteAt(path, at) ^ (1 << below(random, 8))));
  },
  'some noise': (path, random) => {
    const { size } = lstatSync(path);
    const length = Math.min(size, 1 + below(random, 5_000));
    const noise = Uint8Array.from({ length }, () => below(random, 256));
    overwrite(path, below(random, size - length + 1), noise);
  },
  'a page of zeros': (path, random) => {
    const { size } = lstatSync(path);
    const at = 4_096 * below(random, Math.ceil(size / 4_096));
    overwrite(path, at, new Uint8Array(Math.min(4_096, size - at)));
  },
  'a cut': (path, random) => truncateSync(path, below(random, lstatSync(path).size)),
  'a longer end': (path) => writeFileSync(path, 'and more of it\n', { flag: 'a' }),
  'nothing in it': (path) => truncateSync(path, 0),
};

/** Kinds that put something else there. */
const PLACE: Readonly<Record<string, Damage>> = {
  'no file': (path) => rmSync(path),
  'a directory': (path) => {
    rmSync(path);
    mkdirSync(path);
  },
  'a fifo': (path) => {
    rmSync(path);
    makeFifo(path);
  },
  'a link to nothing': (path) => {
    rmSync(path);
    symlinkSync('/nonexistent/holdfast', path);
  },
  'another text': (path) => writeFileSync(path, '{"nobody": ["knows", 1, null]}\n'),
  "another program's database": (path) => {
    rmSync(path);
    const connection = connect(path);
    connection.exec('CREATE TABLE recipes (name TEXT)');
    connection.close();
  },
};

const DAMAGES = { ...CONTENT, ...PLACE };

/** Damages a file and says how; content damages are likelier. A file that is not there is left alone. */
export function damageFile(path: string, random: Random): string {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 'it was not there';
  const hasContent = stats.isFile() && stats.size > 0;
  const among = hasContent && random() < 0.6 ? CONTENT : hasContent ? DAMAGES : PLACE;
  const names = Object.keys(among);
  const name = names[below(random, names.length)] ?? '';
  if (stats.isDirectory()) rmSync(path, { recursive: true });
  if (stats.isDirectory() && name !== 'no file') writeFileSync(path, '');
  if (!(stats.isDirectory() && name === 'no file'))
    DAMAGES[name as keyof typeof DAMAGES]?.(path, random);
  return name;
}

/** Changes one bit soon after one of the places where a file holds a text; says so, or that it holds none. */
export function damageAfter(path: string, text: string, random: Random): string {
  const content = readFileSync(path);
  const places: number[] = [];
  for (let at = content.indexOf(text); at >= 0; at = content.indexOf(text, at + 1)) places.push(at);
  const place = places[below(random, places.length)];
  if (place === undefined) return `no ${text} in it`;
  const at = place + text.length + below(random, text.length);
  overwrite(path, at, Uint8Array.of(byteAt(path, at) ^ (1 << below(random, 8))));
  return `one bit after ${text}`;
}
