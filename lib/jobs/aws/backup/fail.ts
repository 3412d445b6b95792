// The end of a backup that failed: nothing of it is left behind, and people are told why.
import { AbortMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { asAwsFailure } from '../../../storage/s3/aws-failure.ts';
import { patiently } from '../../../storage/s3/patience.ts';
import { MANIFEST_FILE } from '../../dump/manifest.ts';
import { asEnd, type End } from '../conclude.ts';
import { describeFailure, type Failure, notedFailure } from '../failure.ts';
import type { Cloud } from '../job.ts';
import { removeOthers } from '../remove-others.ts';
import { readText, writeText } from '../work.ts';
import { type BackupRun, jobOf, leaveRun, reportKey, setFolder, workFolder } from './run.ts';

/** @param failure of the step; what a shard's function noted says more */
export async function failBackup(cloud: Cloud, run: BackupRun, failure: Failure): Promise<End> {
  const why = (await notedFailure(cloud, jobOf(run))) ?? failure;
  const left = await clear(cloud, run);
  const report = { source: run.source, execution: run.owner, state: 'failed', error: why, left };
  await writeText(cloud, reportKey(run), `${JSON.stringify(report, null, 2)}\n`);
  await leaveRun(cloud, run);
  const lines = [
    describeFailure(why),
    left,
    `Report: s3://${cloud.bucket}/${reportKey(run)}`,
    `Execution: ${run.owner}`,
  ];
  return asEnd(`backup of ${run.source}`, 'failed', lines, why);
}

/** Removes what lies in the run's folder, and what its steps left for each other, unless that is a backup by now. Never rejects. */
async function clear(cloud: Cloud, run: BackupRun): Promise<string> {
  const folder = setFolder(run);
  try {
    if ((await readText(cloud, `${folder}${MANIFEST_FILE}`)) !== undefined) {
      return `Its manifest was written, and stays: keyferry verify s3://${cloud.bucket}/${folder}${MANIFEST_FILE}`;
    }
    for (const own of [folder, workFolder(run)]) {
      await abortUploads(cloud, own);
      await removeOthers(cloud, own, new Set());
    }
    return 'Nothing of it is left in the bucket.';
  } catch (error) {
    return `What it has left below ${folder} could not be removed: ${asAwsFailure(error).message}`;
  }
}

/** A function that was cut off has left its parts. */
async function abortUploads({ s3, bucket: Bucket }: Cloud, Prefix: string): Promise<void> {
  const list = new ListMultipartUploadsCommand({ Bucket, Prefix });
  const { Uploads = [] } = await patiently({}, () => s3.send(list));
  for (const { Key, UploadId } of Uploads) {
    await patiently({}, () => s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })));
  }
}
