// Objects that lie where a door could be, and is none: each is tagged where it lies, reported and told of, so that nobody
// waits for a job that will never begin.
import { InputError } from '../../errors.ts';
import { objectUrl } from '../../storage/s3/location.ts';
import { SIDECAR } from './claim.ts';
import { subjectOf, tag } from './conclude.ts';
import { asFailure, describeFailure } from './failure.ts';
import type { Cloud } from './job.ts';
import { openWork, quarantineKey, readText, versionOf, writeText } from './work.ts';

export interface StrayObject {
  readonly bucket: string;
  readonly key: string;
  readonly version?: string | undefined;
}

/** What people are told. */
export interface Notice {
  readonly subject: string;
  readonly text: string;
}

const STATE = 'quarantined';

/**
 * Puts an object into quarantine that lies below none of the doors. The report comes last: where it is, an event that
 * comes again is quiet, and what was interrupted is done again.
 *
 * @param doors prefixes, each with a slash at its end
 * @param tell  may be called again for the same object where an earlier call was interrupted
 * @returns why nothing was done, in words; `undefined` where it was put into quarantine
 */
export async function quarantineStray(
  cloud: Cloud,
  object: StrayObject,
  doors: readonly string[],
  tell: (notice: Notice) => Promise<void>,
): Promise<string | undefined> {
  const { bucket, key } = object;
  if (key.endsWith('/')) return 'a folder, as the console makes them';
  if (key.endsWith(SIDECAR)) return 'options for a file';
  if (doors.some((door) => key.startsWith(door))) return 'it lies below a door, whose state machine sees to it';
  const source = await openWork(cloud, key);
  const version = source === undefined ? undefined : versionOf(source);
  await source?.close();
  if (version === undefined) return 'it is gone';
  if (object.version !== undefined && object.version !== version) return 'it was written over: that is told by itself';
  const found = { bucket, key, version };
  const reportKey = quarantineKey(found);
  if ((await readText(cloud, reportKey)) !== undefined) return 'it was reported before';
  const error = asFailure(noDoor(object, doors));
  const untagged = await tag(cloud, found, STATE);
  const lines = [
    describeFailure(error),
    `Doors: ${doors.join(' ')}`,
    `Report: ${objectUrl({ bucket, key: reportKey })}`,
    ...(untagged === undefined ? [] : [untagged]),
  ];
  await tell({ subject: subjectOf(key.slice(key.lastIndexOf('/') + 1), STATE), text: lines.join('\n') });
  const endedAt = new Date(cloud.clock.now()).toISOString();
  const report = { object: { input: objectUrl(object), version }, state: STATE, endedAt, error, doors };
  await writeText(cloud, reportKey, `${JSON.stringify(report, null, 2)}\n`);
  return undefined;
}

function noDoor({ bucket, key }: StrayObject, doors: readonly string[]): InputError {
  const [mode = '', target, ...rest] = key.split('/');
  const message =
    rest.length === 0 || target === undefined
      ? `the file lies directly below ${mode}/, and not below a target's door.`
      : `there is no door ${mode}/${target}/: the deployed configuration has no such target.`;
  const [door] = doors.filter((each) => each.startsWith(`${mode}/`));
  const remedy =
    door === undefined
      ? 'Which doors there are stands below.'
      : `Move it to a door: aws s3 mv ${objectUrl({ bucket, key })} ${objectUrl({ bucket, key: door })} If a target is missing in keyferry.toml: add it, deploy, and copy the file to its place again.`;
  return new InputError('DOOR_UNKNOWN', message, { where: objectUrl({ bucket, key }), remedy });
}
