// What workers count, as metrics: lines of their logs in CloudWatch's embedded metric format. The dashboard adds them up.
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { BackupFigures } from '../lib/jobs/aws/backup/finish.ts';
import { type ChunkStep, PASSED } from '../lib/jobs/aws/chunk-step.ts';
import type { AwsJob } from '../lib/jobs/aws/job.ts';

/** Made once: a container's calls come one after the other. */
const metrics = new Metrics({ namespace: 'keyferry', serviceName: 'keyferry' });

/** Runs a worker's call and counts what it has done. What it throws counts as an error, and is thrown on. */
export async function counted(job: AwsJob, work: () => Promise<ChunkStep>): Promise<ChunkStep> {
  let step: ChunkStep = { ...PASSED, failed: true };
  try {
    step = await work();
    return step;
  } finally {
    publish(job, step);
  }
}

function publish({ target, mode }: AwsJob, { keys, bytes, ended, failed }: ChunkStep): void {
  // A dimension cannot be empty, as the target of a decode is.
  metrics.addDimensions({ target: target || '-', mode });
  metrics.addMetric('Keys', MetricUnit.Count, keys);
  metrics.addMetric('Bytes', MetricUnit.Bytes, bytes);
  metrics.addMetric('Chunks', MetricUnit.Count, Number(ended));
  metrics.addMetric('ChunkErrors', MetricUnit.Count, Number(failed));
  metrics.publishStoredMetrics();
}

/** What a backup has come to. */
export function countBackup(source: string, { keys, bytes, sizeChange }: BackupFigures): void {
  metrics.addDimensions({ target: source, mode: 'dump' });
  metrics.addMetric('Keys', MetricUnit.Count, keys);
  metrics.addMetric('Bytes', MetricUnit.Bytes, bytes);
  // An alarm has one bound: smaller is as odd as larger.
  if (sizeChange !== undefined) metrics.addMetric('SizeChange', MetricUnit.Percent, Math.abs(sizeChange));
  metrics.addMetric('BackupAge', MetricUnit.Seconds, 0);
  metrics.publishStoredMetrics();
}

/** How old a source's newest backup is. */
export function gaugeAge(source: string, seconds: number): void {
  metrics.addDimensions({ target: source, mode: 'dump' });
  metrics.addMetric('BackupAge', MetricUnit.Seconds, seconds);
  metrics.publishStoredMetrics();
}
