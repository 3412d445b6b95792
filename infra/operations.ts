// What an operator looks at and is woken by: a dashboard, and alarms that say where to read on.
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { SourceSettings } from '../lib/config/index.ts';
import { longestGap } from '../lib/config/index.ts';
import type { Notices } from './notices.ts';

/** What stands behind one door. */
export interface Operated {
  /** Once in a stack, as people call it: `restore/cache`, `decode`. */
  readonly label: string;
  readonly mode: 'restore' | 'load' | 'decode' | 'dump';
  /** The target's name; `-` for decode, which has none. */
  readonly target: string;
  readonly machine: sfn.StateMachine;
  /** Does the chunks. Restore and load into one target share it. */
  readonly worker: lambda.IFunction;
}

/** A source of backups. */
export interface Dumped {
  readonly operated: Operated;
  readonly source: Pick<SourceSettings, 'schedule' | 'sizeChange'>;
}

export interface OperationsProps {
  readonly notices: Notices;
  /** The function that records why a job failed. */
  readonly fail: lambda.IFunction;
  /** The function that reports objects below no door. @default none */
  readonly stray?: lambda.IFunction;
  readonly doors: readonly Operated[];
  /** What makes backups. @default none */
  readonly dumps?: readonly Dumped[];
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
    const { notices, fail, stray, doors, dumps = [] } = props;
    const lost = notices.lost.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: 'Maximum' });
    this.#alarm('LostEvents', lost, 'events or notices could not be delivered', 'lost-events');
    // What other functions throw is retried, and in the end a failed job; what this one throws leaves a job without report.
    const unreported = fail.metricErrors({ period: PERIOD });
    this.#alarm('Unreported', unreported, 'why a job failed could not be recorded', 'a-failure-without-report');
    const untold = stray?.metricErrors({ period: PERIOD });
    if (untold !== undefined) {
      this.#alarm('Stray', untold, 'an object below no door could not be reported', 'objects-below-no-door');
    }
    for (const { label, machine } of [...doors, ...dumps.map(({ operated }) => operated)]) {
      const name = label.replace('/', '-');
      const failed = machine.metricFailed({ period: PERIOD });
      this.#alarm(`JobFailed-${name}`, failed, `a job of ${label} failed`, 'a-job-failed');
      const throttled = machine.metricThrottled({ period: PERIOD });
      this.#alarm(`Throttled-${name}`, throttled, `the machine of ${label} is throttled`, 'throttling', 100);
    }
    for (const dump of dumps) this.#watchBackups(dump);
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
    if (dumps.length === 0) return;
    const backups = dumps.map(({ operated }) => operated);
    this.dashboard.addWidgets(
      graph('Backups', backups.flatMap(jobMetrics)),
      graph(
        'Age of the newest backup, s',
        backups.map((backup) => ageOf(backup).with({ label: backup.label })),
      ),
      graph(
        'Bytes of a backup',
        backups.map((backup) => own(backup, 'Bytes')),
      ),
    );
  }

  /** No backup for too long; one of an odd size. */
  #watchBackups({ operated, source: { schedule, sizeChange } }: Dumped): void {
    const { label, target } = operated;
    const changed = unlabelled(operated, 'SizeChange', 'Maximum');
    const odd = `a backup of ${target} is much larger or smaller than the one before it`;
    this.#alarm(`BackupSize-${target}`, changed, odd, 'a-backup-of-an-odd-size', sizeChange + 1);
    const gap = schedule === undefined ? undefined : longestGap(schedule);
    if (gap === undefined) return;
    const seconds = Math.round((gap * LATE) / 1000);
    this.#alarm(
      `BackupAge-${target}`,
      ageOf(operated),
      `${label} has made no backup for too long`,
      'no-new-backup',
      seconds,
    );
  }

  /** An alarm that is raised when a metric reaches a number in one of its periods; its description says where to read on. */
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

/** A backup is too old when its next one is late by half of what lies between two. */
const LATE = 1.5;

/** The gauge comes each hour, and each backup puts it back: only where no backup does is all of a period above the bound. */
const ageOf = (backup: Operated): cloudwatch.Metric => unlabelled(backup, 'BackupAge', 'Minimum', Duration.hours(2));

const WIDTH = 8;

function graph(title: string, left: cloudwatch.IMetric[]): cloudwatch.GraphWidget {
  return new cloudwatch.GraphWidget({ title, left, width: WIDTH, leftYAxis: { min: 0, showUnits: false } });
}

function own(door: Operated, metricName: string): cloudwatch.Metric {
  return unlabelled(door, metricName, 'Sum').with({ label: door.label });
}

/** As an alarm takes it. */
function unlabelled({ mode, target }: Operated, metricName: string, statistic: string, period = PERIOD) {
  const dimensionsMap = { service: 'keyferry', target, mode };
  return new cloudwatch.Metric({ namespace: NAMESPACE, metricName, dimensionsMap, statistic, period });
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
