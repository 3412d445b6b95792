// The part of the help below the options of `keyferry aws …`.
import type { AwsCommand } from './aws-flags.ts';
import { examples, exitCodes, section } from './help.ts';

interface Help {
  readonly about: string;
  readonly after: string;
}

const variables = section('Environment', [
  'KEYFERRY_STACK             the stack, where --stack does not say',
  'AWS_REGION, AWS_PROFILE    and all else that the AWS CLI reads',
  'NO_COLOR                   no colour',
  'KEYFERRY_DEBUG             1 shows the stack trace of a defect',
]);

const goesOn = `Ctrl-C leaves the job at work: keyferry aws job ID shows it again.`;
const beside = `Options go to the door before the file, as FILE.keyferry.json: the file is taken as soon as it is there.`;

export const awsHelp: Record<AwsCommand | 'all', Help> = {
  all: {
    about: `Works with keyferry as it is deployed on AWS: puts files to its doors, follows their jobs, lists them, and lets it examine its targets.

The deployment is found by the outputs of its stack; region and credentials are those that the AWS CLI would use.`,
    after:
      examples(
        ['is the deployment fit for it?', 'keyferry aws doctor'],
        ['restore a file, and see how it goes', 'keyferry aws restore dump.rdb --target cache'],
        ['what was done lately?', 'keyferry aws jobs'],
        ['why did it fail, and once more', 'keyferry aws job 3f9a\nkeyferry aws retry 3f9a'],
      ) + variables,
  },
  restore: {
    about: `Uploads an RDB to the door of a target, follows the job that it becomes, and shows its report.

${beside} ${goesOn}`,
    after:
      examples(
        ['a file of this machine', 'keyferry aws restore dump.rdb --target cache'],
        [
          'a backup that is in S3 already: it does not come by here',
          'keyferry aws restore s3://backups/nightly.rdb.gz',
        ],
        ['over keys that exist, gently', 'keyferry aws restore dump.rdb --on-conflict rewrite --rate 20MB/s'],
      ) +
      exitCodes(0, 1, 2, 3, 4, 130) +
      variables,
  },
  decode: {
    about: `Uploads an RDB to the door of decode, follows the job that it becomes, and shows where its JSON Lines are.

${beside} ${goesOn}`,
    after:
      examples(
        ['all of it', 'keyferry aws decode dump.rdb'],
        ['keys and types alone', 'keyferry aws decode s3://backups/nightly.rdb --keys-only --pack gz'],
      ) +
      exitCodes(0, 1, 2, 3, 4, 130) +
      variables,
  },
  load: {
    about: `Uploads JSON Lines, or the manifest of a decode, to the door of a target, follows the job that it becomes, and shows its report.

${beside} ${goesOn}`,
    after:
      examples(
        ['lines of this machine', 'keyferry aws load dump.jsonl.zst --target cache'],
        [
          'what a decode has written, all parts as one job',
          'keyferry aws load s3://BUCKET/results/decode/nightly.rdb/VERSION/manifest.json',
        ],
      ) +
      exitCodes(0, 1, 2, 3, 4, 130) +
      variables,
  },
  jobs: {
    about: 'Lists jobs, the newest first. Their records are kept for 30 days.',
    after:
      examples(
        ['what failed?', 'keyferry aws jobs --state failed'],
        ['for a script', 'keyferry aws jobs --json | jq -r \'.jobs[] | select(.state == "running").id\''],
      ) + variables,
  },
  job: {
    about: 'Shows a job: where it stands while it is at work, and what its report says when it has ended.',
    after:
      examples(['by the beginning of its id', 'keyferry aws job 3f9a']) +
      section('Exit codes', [
        '  0  it has succeeded, or is at work',
        '  1  there is no such job, or AWS could not be asked',
        '  other ones as of the job itself: keyferry aws restore --help',
      ]) +
      variables,
  },
  retry: {
    about: `Begins a failed job again with the same file and options: what was written already is not written again. ${goesOn}`,
    after:
      examples(['by the beginning of its id', 'keyferry aws retry 3f9a']) + exitCodes(0, 1, 2, 3, 4, 130) + variables,
  },
  doctor: {
    about: `Calls the function that examines a target from where its restores run: bucket, table, secrets, network, server. Nothing is written.`,
    after:
      examples(['all targets', 'keyferry aws doctor'], ['one of them', 'keyferry aws doctor cache']) +
      section('Exit codes', [
        '  0  nothing speaks against a restore; there may be warnings',
        '  1  the deployment could not be asked',
        '  3  there is a problem with a target',
      ]) +
      variables,
  },
};
