/**
 * Endless text of numbered lines of many lengths: what a program of these drills prints, and what must come out. Every
 * byte is known by its place, so a single one that is lost, repeated or torn is seen where it happened.
 */
import type { GroupSpecInput } from '../../src/spec/group-schema.ts';

type TaskInput = GroupSpecInput['tasks'][number];

/** Lines from 0 on, taken in pieces of any length. */
export class NumberedText {
  #line = 0;
  #rest = Buffer.alloc(0);

  /** The next so many bytes. */
  take(bytes: number): Buffer {
    const parts = [this.#rest];
    for (let got = this.#rest.length; got < bytes;) {
      const block = Buffer.from(linesFrom(this.#line, 512), 'latin1');
      this.#line += 512;
      got += block.length;
      parts.push(block);
    }
    const all = parts.length === 1 ? this.#rest : Buffer.concat(parts);
    this.#rest = all.subarray(bytes);
    return all.subarray(0, bytes);
  }
}

function linesFrom(first: number, count: number): string {
  let text = '';
  for (let line = first; line < first + count; line += 1)
    text += `${String(line).padEnd(11 + ((line * 7_919) % 300), '.')}\n`;
  return text;
}

/** Compares what comes out, piece by piece, with what went in. */
export class NumberedCheck {
  readonly #expected = new NumberedText();
  /** How many bytes were right so far, and how many were passed over. */
  bytes = 0;
  skippedBytes = 0;
  /** The first thing that was wrong. */
  fault: string | undefined;

  push(data: Uint8Array): void {
    if (this.fault !== undefined) return;
    const wanted = this.#expected.take(data.length);
    if (wanted.equals(data)) this.bytes += data.length;
    else this.fault = differenceOf(data, wanted, this.bytes + this.skippedBytes);
  }

  /** Passes over what is said to be missing. */
  skip(bytes: number): void {
    this.#expected.take(bytes);
    this.skippedBytes += bytes;
  }

  /** What is wrong with all of it, when the program says that it wrote so many bytes. */
  verdict(writtenBytes: number): string | undefined {
    if (this.fault !== undefined) return this.fault;
    const told = this.bytes + this.skippedBytes;
    if (told === writtenBytes) return undefined;
    return `${this.bytes} bytes of ${writtenBytes}, and ${this.skippedBytes} said to be missing`;
  }
}

function differenceOf(data: Uint8Array, wanted: Uint8Array, before: number): string {
  const at = data.findIndex((byte, index) => byte !== wanted[index]);
  const text = (bytes: Uint8Array): string =>
    JSON.stringify(Buffer.from(bytes.subarray(at, at + 24)).toString('latin1'));
  return `byte ${before + at} begins ${text(data)}, not ${text(wanted)}`;
}

/**
 * Writes the text to stdout in blocks that end anywhere, a little of it to stderr too. Ends at whole lines once the
 * file STOP exists, and then writes how many bytes went to each stream into STOP.NAME. A blast is written as fast as the
 * pipe takes it, then comes a pause.
 */
const PROGRAM = `
my ($stop, $name, $block, $blast, $pause) = @ARGV;
my (@text, @line, @bytes) = ();
for my $s (0, 1) { $text[$s] = ''; $line[$s] = 0; $bytes[$s] = 0 }
sub put {
  my ($s, $count) = @_;
  while (length $text[$s] < $count) {
    my $line = $line[$s]++;
    $text[$s] .= $line . '.' x (11 + ($line * 7919) % 300 - length $line) . "\\n";
  }
  my $bytes = substr($text[$s], 0, $count, '');
  while (length $bytes) {
    my $wrote = syswrite($s ? STDERR : STDOUT, $bytes);
    next unless defined $wrote;
    $bytes[$s] += $wrote;
    substr($bytes, 0, $wrote, '');
  }
}
until (-e $stop) {
  for (1 .. $blast) { put(0, $block) }
  put(1, 333);
  select(undef, undef, undef, $pause) if $pause;
}
put($_, length $text[$_]) for 0, 1;
open my $report, '>', "$stop.$name.new" or die $!;
print $report "$bytes[0] $bytes[1]\\n";
close $report;
rename "$stop.$name.new", "$stop.$name";
`;

export interface Pace {
  readonly blockBytes: number;
  /** So many blocks without a pause. */
  readonly blast: number;
  readonly pauseS: number;
}

/** A batch task that prints the text until the file `stop` exists. */
export function numberedTask(
  name: string,
  stop: string,
  pace: Pace,
  logs: TaskInput['logs'] = {},
): TaskInput {
  const { blockBytes, blast, pauseS } = pace;
  const args = ['-e', PROGRAM, stop, name, ...[blockBytes, blast, pauseS].map(String)];
  const restart = { attempts: 0, mode: 'fail' } as const;
  return { name, driver: 'raw_exec', config: { command: 'perl', args }, restart, logs };
}
