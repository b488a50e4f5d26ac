/** Writes tables for a terminal. Pure. */

export type Column<Row> = {
  readonly title: string;
  readonly align: 'left' | 'right';
  readonly cell: (row: Row) => string;
};

/** A line of titles, then one line a row. Columns are as wide as their widest cell, two spaces apart. */
export function tableOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ cell }) => cell(row)))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => (line[index] as string).length)));
  return cells
    .map((line) =>
      line
        .map((cell, index) => {
          const width = widths[index] as number;
          return columns[index]?.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
