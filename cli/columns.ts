// Tables of text: columns as wide as their widest cell, numbers to the right.
import { columnsOf } from './format.ts';

export type Alignment = 'left' | 'right';

/**
 * Lines of a table, without line ends and without spaces at their end.
 *
 * @param rows cells of plain text; a missing cell is empty
 * @param paint styles a cell after it was padded, so that escape sequences do not count as width
 */
export function tableLines(
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[],
  paint: (cell: string, row: number, column: number) => string = (cell) => cell,
): string[] {
  const widths = alignments.map((_, column) => Math.max(0, ...rows.map((row) => columnsOf(row[column] ?? ''))));
  return rows.map((row, at) => {
    const last = row.findLastIndex((cell) => cell !== '');
    return alignments
      .slice(0, last + 1)
      .map((alignment, column) => {
        const cell = row[column] ?? '';
        const space = ' '.repeat((widths[column] as number) - columnsOf(cell));
        const painted = cell === '' ? '' : paint(cell, at, column);
        if (alignment === 'right') return space + painted;
        return column === last ? painted : painted + space;
      })
      .join('  ');
  });
}
