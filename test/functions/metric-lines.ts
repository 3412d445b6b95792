// Metrics as functions write them into their output, and as templates ask for them.
import { vi } from 'vitest';
import { synthesise } from '../infra/synthesised.ts';

/** A line in CloudWatch's embedded metric format. */
export interface Line {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly [
      { Namespace: string; Dimensions: string[][]; Metrics: { Name: string; Unit: string }[] },
    ];
  };
  readonly [name: string]: unknown;
}

/** The metrics that are written while something runs. */
export async function linesOf(work: () => Promise<unknown>): Promise<Line[]> {
  let text = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((piece) => {
    text += String(piece);
    return true;
  });
  try {
    await work();
  } finally {
    write.mockRestore();
  }
  const lines = text.split('\n').filter((line) => line.startsWith('{"_aws"'));
  return lines.map((line) => JSON.parse(line) as Line);
}

/** Namespace, dimensions and names, as CloudWatch keeps metrics apart. */
export function* identities(line: Line): Generator<string> {
  const [{ Namespace, Dimensions, Metrics }] = line._aws.CloudWatchMetrics;
  for (const { Name } of Metrics) {
    for (const dimensions of Dimensions)
      yield identity(
        Namespace,
        Name,
        dimensions.map((name) => [name, line[name]]),
      );
  }
}

const identity = (namespace: string, name: string, dimensions: unknown[][]): string =>
  [namespace, name, ...dimensions.map(([key, value]) => `${key}=${value}`).sort()].join(' ');

/** The metrics of keyferry's own that the dashboard of a stack shows. */
export function shown(toml: string): string[] {
  const [dashboard] = synthesise(toml).of('AWS::CloudWatch::Dashboard');
  const body = dashboard?.Properties.DashboardBody as { 'Fn::Join': [string, unknown[]] };
  const text = body['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : 'TOKEN')).join('');
  const { widgets } = JSON.parse(text) as { widgets: { properties: { metrics?: unknown[][] } }[] };
  return widgets
    .flatMap(({ properties }) => properties.metrics ?? [])
    .filter(([namespace]) => namespace === 'keyferry')
    .map(([namespace, name, ...rest]) => {
      const texts = rest.filter((part) => typeof part === 'string');
      const pairs = Array.from({ length: texts.length / 2 }, (_, at) => [texts[2 * at], texts[2 * at + 1]]);
      return identity(String(namespace), String(name), pairs);
    });
}

/** An alarm on a metric of keyferry's own. */
export interface OwnAlarm {
  readonly metric: string;
  readonly threshold: number;
}

/** Those of a stack. */
export function ownAlarms(toml: string): OwnAlarm[] {
  return synthesise(toml)
    .of('AWS::CloudWatch::Alarm')
    .filter(({ Properties }) => Properties.Namespace === 'keyferry')
    .map(({ Properties }) => {
      const dimensions = Properties.Dimensions as { Name: string; Value: string }[];
      const pairs = dimensions.map(({ Name, Value }) => [Name, Value]);
      return {
        metric: identity('keyferry', String(Properties.MetricName), pairs),
        threshold: Number(Properties.Threshold),
      };
    });
}
