/** Text on a terminal that is written over itself, below what stands there already. */
import { write } from './output.ts';

export class LiveText {
  #lines = 0;

  /** Shows as much as the terminal has room for. */
  async show(text: string): Promise<void> {
    // A terminal that was never told its size says 0.
    const rows = process.stdout.rows || 24;
    const columns = process.stdout.columns || 80;
    const all = text.trimEnd().split('\n');
    const room = Math.max(1, rows - 1);
    const lines =
      all.length <= room ? all : [...all.slice(0, room - 1), `… ${all.length - room + 1} more`];
    const up = this.#lines > 0 ? `\x1b[${this.#lines}A` : '';
    // A line that is wrapped would be two, and the next picture begin too low.
    const cut = lines.map(
      (line) =>
        `${Array.from(line)
          .slice(0, columns - 1)
          .join('')}\x1b[K\n`,
    );
    this.#lines = lines.length;
    await write(`${up}\r${cut.join('')}\x1b[J`);
  }
}
