// What an operator looks at and is woken by: a dashboard, and alarms that say where to read on.
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Construct } from 'constructs';
import type { Notices } from './notices.ts';
import type { RestoreFunctions } from './restore-functions.ts';
import type { RestorePipeline } from './restore-pipeline.ts';

export interface OperationsProps {
  readonly notices: Notices;
  readonly functions: RestoreFunctions;
  readonly pipelines: readonly RestorePipeline[];
  /** Where the runbook is, for links in alarms. @default 'docs/runbook.md' */
  readonly runbook?: string;
}

/** Metrics that functions write, as functions/runtime.ts names them. */
const NAMESPACE = 'keyferry';
const PERIOD = Duration.minutes(5);

export class Operations extends Construct {
  readonly dashboard: cloudwatch.Dashboard;
  readonly #props: OperationsProps;

  constructor(scope: Construct, id: string, props: OperationsProps) {
    super(scope, id);
    this.#props = props;
    const { notices, functions, pipelines } = props;
    const lost = notices.lost.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: 'Maximum' });
    this.#alarm('LostEvents', lost, 'events or notices could not be delivered', 'lost-events');
    // What other functions throw is retried, and in the end a failed job; what this one throws leaves a job without report.
    const unreported = functions.fail.function.metricErrors({ period: PERIOD });
    this.#alarm('Unreported', unreported, 'why a job failed could not be recorded', 'a-failure-without-report');
    for (const { name, machine } of pipelines) {
      const failed = machine.metricFailed({ period: PERIOD });
      this.#alarm(`JobFailed-${name}`, failed, `a restore into ${name} failed`, 'a-job-failed');
      const throttled = machine.metricThrottled({ period: PERIOD });
      this.#alarm(`Throttled-${name}`, throttled, `the machine of ${name} is throttled`, 'throttling', 100);
    }
    this.dashboard = new cloudwatch.Dashboard(this, 'Dashboard', { defaultInterval: Duration.hours(3) });
    this.dashboard.addWidgets(
      graph('Jobs', pipelines.flatMap(jobMetrics)),
      graph(
        'Keys',
        pipelines.map(({ name }) => own('Keys', name)),
        'keys in 5 minutes',
      ),
      graph(
        'Bytes',
        pipelines.map(({ name }) => own('Bytes', name)),
        'bytes in 5 minutes',
      ),
    );
    this.dashboard.addWidgets(
      graph('Chunks at work', pipelines.map(concurrencyMetric)),
      graph('Time of a chunk', pipelines.map(durationMetric)),
      graph('Errors, and what was lost', [unreported, lost, ...pipelines.map(errorMetric)]),
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

function graph(title: string, left: cloudwatch.IMetric[], label?: string): cloudwatch.GraphWidget {
  return new cloudwatch.GraphWidget({
    ...{ title, left, width: WIDTH, leftYAxis: { min: 0, showUnits: false } },
    ...(label === undefined ? {} : { leftYAxis: { min: 0, showUnits: false, label } }),
  });
}

function own(metricName: string, target: string): cloudwatch.Metric {
  const dimensionsMap = { service: 'keyferry', target, mode: 'restore' };
  return new cloudwatch.Metric({
    ...{ namespace: NAMESPACE, metricName, dimensionsMap },
    ...{ statistic: 'Sum', period: PERIOD, label: target },
  });
}

const jobMetrics = ({ name, machine }: RestorePipeline): cloudwatch.IMetric[] => [
  machine.metricSucceeded({ label: `${name} succeeded`, period: PERIOD }),
  machine.metricFailed({ label: `${name} failed`, period: PERIOD }),
];

const concurrencyMetric = ({ name, restoreChunk }: RestorePipeline): cloudwatch.IMetric =>
  restoreChunk.function.metric('ConcurrentExecutions', { label: name, statistic: 'Maximum', period: PERIOD });

const durationMetric = ({ name, restoreChunk }: RestorePipeline): cloudwatch.IMetric =>
  restoreChunk.function.metricDuration({ label: name, statistic: 'p90', period: PERIOD });

const errorMetric = ({ name, restoreChunk }: RestorePipeline): cloudwatch.IMetric =>
  restoreChunk.function.metricErrors({ label: name, period: PERIOD });
