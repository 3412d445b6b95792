// How large keys are: a histogram of their memory, and percentiles of names, values and elements.
import type { InspectQuantiles } from '../../lib/targets/inspect/report.ts';
import { type Column, dataTable } from '../data-table.ts';
import { h } from '../dom.ts';
import { histogram } from '../histogram.ts';
import { formatBytes, formatCount } from '../numbers.ts';
import { part, type Section, section } from '../section.ts';

interface Row {
  readonly of: string;
  readonly values: InspectQuantiles;
  readonly format: (value: number) => string;
}

export const sizes: Section = (context) => {
  const { report } = context;
  if (report.totals.keys === 0) return null;
  const { quantiles, quantileError } = report;
  const whole = (value: number) => formatCount(Math.round(value));
  const rows: Row[] = [
    { of: 'Memory of a key', values: quantiles.memory, format: formatBytes },
    { of: 'Value in the file', values: quantiles.valueBytes, format: formatBytes },
    { of: 'Length of the name', values: quantiles.keyLength, format: formatBytes },
    { of: 'Elements of a collection', values: quantiles.elements, format: whole },
  ];
  const quantile = (label: string, name: keyof InspectQuantiles, minor = false): Column<Row> => ({
    label,
    cell: ({ values, format }) => (values.count === 0 ? '–' : format(values[name])),
    kind: 'number',
    minor,
  });
  const table = dataTable<Row>({
    caption: 'Percentiles',
    columns: [
      { label: 'Of', cell: ({ of }) => of, kind: 'name' },
      quantile('Mean', 'mean', true),
      quantile('Median', 'p50'),
      quantile('90%', 'p90', true),
      quantile('99%', 'p99'),
      quantile('99.9%', 'p999', true),
      quantile('Largest', 'max'),
    ],
    rows,
  });
  const percent = Number((quantileError * 100).toPrecision(2));
  const error = percent === 0 ? '' : ` Within ${percent}% of the exact ones; the largest are exact.`;
  return section(
    'sizes',
    'Sizes',
    null,
    h(
      'div',
      { class: 'whole' },
      histogram(
        'Memory of a key',
        'Estimated, its name and its share of bookkeeping included.',
        report.histograms.memory,
        context,
      ),
    ),
    part(
      'Percentiles',
      h(
        'p',
        { class: 'lead' },
        `Half of all are no larger than the median, 99% no larger than what stands under 99%.${error}`,
      ),
      table.element,
    ),
  );
};
