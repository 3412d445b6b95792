// What an operator looks at and is woken by: a dashboard, and alarms that say where to read on.
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Notices } from './notices.ts';

/** What stands behind one door. */
export interface Operated {
  /** Once in a stack, as people call it: `restore/cache`, `decode`. */
  readonly label: string;
  readonly mode: 'restore' | 'load' | 'decode';
  /** The target's name; `-` for decode, which has none. */
  readonly target: string;
  readonly machine: sfn.StateMachine;
  /** Does the chunks. Restore and load into one target share it. */
  readonly worker: lambda.IFunction;
}

export interface OperationsProps {
  readonly notices: Notices;
  /** The function that records why a job failed. */
  readonly fail: lambda.IFunction;
  /** The function that reports objects below no door. @default none */
  readonly stray?: lambda.IFunction;
  readonly doors: readonly Operated[];
  /** Where the runbook is, for links in alarms. @default 'docs/runbook.md' */
  readonly runbook?: string;
}

/** Metrics that workers write, as functions/metrics.ts names them. */
const NAMESPACE = 'keyferry';
const PERIOD = Duration.minutes(5);

export class Operations extends Construct {
  readonly dashboard: cloudwatch.Dashboard;
  readonly #props: OperationsProps;

  constructor(scope: Construct, id: string, props: OperationsProps) {
    super(scope, id);
    this.#props = props;
    const { notices, fail, stray, doors } = props;
    const lost = notices.lost.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: 'Maximum' });
    this.#alarm('LostEvents', lost, 'events or notices could not be delivered', 'lost-events');
    // What other functions throw is retried, and in the end a failed job; what this one throws leaves a job without report.
    const unreported = fail.metricErrors({ period: PERIOD });
    this.#alarm('Unreported', unreported, 'why a job failed could not be recorded', 'a-failure-without-report');
    const untold = stray?.metricErrors({ period: PERIOD });
    if (untold !== undefined) {
      this.#alarm('Stray', untold, 'an object below no door could not be reported', 'objects-below-no-door');
    }
    for (const { label, machine } of doors) {
      const name = label.replace('/', '-');
      const failed = machine.metricFailed({ period: PERIOD });
      this.#alarm(`JobFailed-${name}`, failed, `a job of ${label} failed`, 'a-job-failed');
      const throttled = machine.metricThrottled({ period: PERIOD });
      this.#alarm(`Throttled-${name}`, throttled, `the machine of ${label} is throttled`, 'throttling', 100);
    }
    const workers = workersOf(doors);
    this.dashboard = new cloudwatch.Dashboard(this, 'Dashboard', { defaultInterval: Duration.hours(3) });
    this.dashboard.addWidgets(
      graph('Jobs', doors.flatMap(jobMetrics)),
      graph(
        'Keys a second',
        doors.map((door) => rate(door, 'Keys')),
      ),
      graph(
        'Bytes a second',
        doors.map((door) => rate(door, 'Bytes')),
      ),
    );
    this.dashboard.addWidgets(
      graph(
        'Chunks at work',
        workers.map(({ label, worker }) =>
          worker.metric('ConcurrentExecutions', { label, statistic: 'Maximum', period: PERIOD }),
        ),
      ),
      graph(
        'Time of a chunk',
        workers.map(({ label, worker }) => worker.metricDuration({ label, statistic: 'p90', period: PERIOD })),
      ),
      graph(
        'Chunks done',
        doors.map((door) => own(door, 'Chunks')),
      ),
    );
    this.dashboard.addWidgets(
      graph('Errors of workers', [
        ...doors.map((door) => own(door, 'ChunkErrors')),
        ...workers.map(({ label, worker }) => worker.metricErrors({ label: `${label}, thrown`, period: PERIOD })),
      ]),
      graph('Errors that leave something undone', [
        unreported.with({ label: 'failures without report' }),
        ...(untold === undefined ? [] : [untold.with({ label: 'stray objects' })]),
      ]),
      graph('Lost events and notices', [lost.with({ label: 'in the queue' })]),
    );
  }

  /** An alarm that is raised when a sum reaches a number in five minutes; its description says where to read on. */
  #alarm(id: string, metric: cloudwatch.IMetric, says: string, chapter: string, threshold = 1): void {
    const { notices, runbook = 'docs/runbook.md' } = this.#props;
    const alarm = new cloudwatch.Alarm(this, id, {
      metric,
      threshold,
      evaluationPeriods: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      alarmDescription: `keyferry: ${says}. What to do: ${runbook}#${chapter}`,
    });
    alarm.addAlarmAction(new SnsAction(notices.topic));
  }
}

const WIDTH = 8;

function graph(title: string, left: cloudwatch.IMetric[]): cloudwatch.GraphWidget {
  return new cloudwatch.GraphWidget({ title, left, width: WIDTH, leftYAxis: { min: 0, showUnits: false } });
}

function own({ label, mode, target }: Operated, metricName: string): cloudwatch.Metric {
  const dimensionsMap = { service: 'keyferry', target, mode };
  return new cloudwatch.Metric({
    ...{ namespace: NAMESPACE, metricName, dimensionsMap },
    ...{ statistic: 'Sum', period: PERIOD, label },
  });
}

/** A sum as what it is on average in a second, whatever period a dashboard shows. */
function rate(door: Operated, metricName: string): cloudwatch.MathExpression {
  const id = `${metricName}_${door.label}`.toLowerCase().replace(/\W/g, '_');
  const expression = `${id} / PERIOD(${id})`;
  return new cloudwatch.MathExpression({
    ...{ expression, label: door.label, period: PERIOD },
    usingMetrics: { [id]: own(door, metricName) },
  });
}

/** Each worker once, by the name of its target. */
function workersOf(doors: readonly Operated[]): { label: string; worker: lambda.IFunction }[] {
  const workers = new Map(doors.map(({ mode, target, worker }) => [worker, mode === 'decode' ? mode : target]));
  return [...workers].map(([worker, label]) => ({ label, worker }));
}

const jobMetrics = ({ label, machine }: Operated): cloudwatch.IMetric[] => [
  machine.metricSucceeded({ label: `${label} succeeded`, period: PERIOD }),
  machine.metricFailed({ label: `${label} failed`, period: PERIOD }),
];
