// Rounds of a job: a process that confirmed writes and is gone may have lost what it had not saved, or handed on. That is
// written again, a few times.
import { TargetError } from '../errors.ts';

/** A target that keeps being restarted while it is written to ends the job after so many rounds. */
export const MOST_ROUNDS = 5;

export const WRITTEN_AGAIN =
  'A server of the target was restarted or replaced meanwhile: what it had confirmed, and no replica, was written again.';

/** @param howOn how the job is gone on with */
export const restartsTooOften = (where: string, howOn: string): TargetError =>
  new TargetError('TARGET_RESTARTS', 'the target keeps being restarted while it is written to.', {
    where,
    remedy: `Look at its log${howOn}`,
  });
