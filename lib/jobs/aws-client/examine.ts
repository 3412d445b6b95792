// Lets the functions in a deployment's networks examine their targets.
import { UsageError } from '../../errors.ts';
import type { Failure } from '../aws/failure.ts';
import type { DoctorReport } from '../doctor.ts';
import type { Deployment } from './deployment.ts';

export interface Examined {
  readonly name: string;
  readonly report: DoctorReport;
}

type Answer = ({ readonly ok: true } & DoctorReport) | ({ readonly ok: false } & Failure);

/**
 * The functions that examine targets, by the targets' names.
 *
 * @param target one of them; all where it is left out
 * @throws {UsageError} `AWS_TARGET`
 */
export function doctorsOf({ doctors, stack }: Deployment, target?: string): [name: string, doctor: string][] {
  const wanted = Object.entries(doctors).filter(([name]) => target === undefined || name === target);
  if (wanted.length > 0) return wanted;
  const names = Object.keys(doctors).join(', ');
  const message = target === undefined ? 'there is no doctor.' : `there is no target ${JSON.stringify(target)}.`;
  throw new UsageError('AWS_TARGET', message, {
    where: `stack ${stack}`,
    remedy: names === '' ? 'Deploy it again with this version: cdk deploy' : `These there are: ${names}.`,
  });
}

/** All of them at once; throws what {@link Account} throws. */
export async function examineTargets({ account }: Deployment, doctors: [string, string][]): Promise<Examined[]> {
  return Promise.all(
    doctors.map(async ([name, doctor]) => ({ name, report: asReport(name, (await account.invoke(doctor)) as Answer) })),
  );
}

/** A doctor that could not begin is a finding itself. */
function asReport(name: string, answer: Answer): DoctorReport {
  if (answer.ok) return { target: answer.target, findings: answer.findings };
  const { code, message, where, remedy } = answer;
  const what = where === '' ? message : `${where}: ${message}`;
  return { target: name, findings: [{ check: 'doctor', verdict: 'problem', what, remedy, code }] };
}
