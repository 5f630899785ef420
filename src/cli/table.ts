/** Columns of text for people. Machines get JSON. */

export interface Column<Row> {
  readonly title: string;
  cell(row: Row): string;
  /** Right-aligned, as numbers are. */
  readonly isNumber?: boolean;
  /** Colours the padded cell. */
  style?(padded: string, row: Row): string;
}

/** One line per row under a line of titles; two spaces between columns, none at the end. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((column) => column.cell(row)));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((line) => (line[index] as string).length)),
  );
  const pad = (text: string, index: number): string => {
    const width = widths[index] as number;
    if (columns[index]?.isNumber === true) return text.padStart(width);
    return index === columns.length - 1 ? text : text.padEnd(width);
  };
  const lines = [columns.map(({ title }, index) => pad(title, index)).join('  ')];
  for (const [at, row] of rows.entries()) {
    const texts = columns.map((column, index) => {
      const padded = pad((cells[at] as string[])[index] as string, index);
      return column.style?.(padded, row) ?? padded;
    });
    lines.push(texts.join('  '));
  }
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}
