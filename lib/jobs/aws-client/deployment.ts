// Finds a deployed keyferry by the outputs of its stack.
import { Table } from '../../checkpoint/dynamodb/table.ts';
import { UsageError } from '../../errors.ts';
import { systemClock } from '../../telemetry/clock.ts';
import type { AwsMode, Cloud } from '../aws/job.ts';
import type { Account } from './account.ts';

export interface Deployment extends Cloud {
  readonly account: Account;
  readonly stack: string;
  /** ARNs of state machines by their doors: `restore/cache`, `load/cache`, `decode`. */
  readonly machines: Readonly<Record<string, string>>;
  /** The functions that examine targets, by the targets' names. */
  readonly doctors: Readonly<Record<string, string>>;
}

/** Where files of a mode are put. */
export interface Door {
  readonly mode: AwsMode;
  /** Empty for decode, which has none. */
  readonly target: string;
  /** The folder, with a slash at its end. */
  readonly prefix: string;
  readonly machine: string;
}

/** @throws {UsageError} `AWS_STACK_NOT_FOUND`, `AWS_STACK_OLD`, and what {@link Account} throws */
export async function findDeployment(account: Account, stack: string): Promise<Deployment> {
  const where = `stack ${stack} in ${account.region}`;
  const outputs = await account.stackOutputs(stack);
  if (outputs === undefined) {
    throw new UsageError('AWS_STACK_NOT_FOUND', 'there is no such stack.', {
      where,
      remedy: 'Deploy it (docs/aws.md), or say which one and where: --stack or KEYFERRY_STACK, --region, --profile.',
    });
  }
  const { Bucket, Table: table, StateMachines, Doctors = '{}' } = outputs;
  if (Bucket === undefined || table === undefined || StateMachines === undefined) {
    throw new UsageError('AWS_STACK_OLD', 'this stack does not say where its bucket, table and machines are.', {
      where,
      remedy: 'Is it keyferry’s? Then deploy it again with this version: cdk deploy',
    });
  }
  return {
    account,
    stack,
    s3: account.s3,
    bucket: Bucket,
    table: new Table(account.dynamodb, table),
    clock: systemClock,
    redactKeys: false,
    machines: JSON.parse(StateMachines) as Record<string, string>,
    doctors: JSON.parse(Doctors) as Record<string, string>,
  };
}

/**
 * The door of a mode; of a stack with one target, that target's where none is named.
 *
 * @throws {UsageError} `AWS_TARGET` where there is no such one, or not only one
 */
export function doorOf({ machines, stack }: Deployment, mode: AwsMode, target: string | undefined): Door {
  const doors = Object.entries(machines)
    .filter(([door]) => door === mode || door.startsWith(`${mode}/`))
    .map(([door, machine]) => ({ mode, target: door.slice(mode.length + 1), prefix: `${door}/`, machine }));
  const [found, ...others] =
    mode === 'decode' ? doors : doors.filter((door) => [undefined, door.target].includes(target));
  if (found !== undefined && others.length === 0) return found;
  const names = doors.map((door) => door.target).join(', ');
  const where = `stack ${stack}`;
  if (doors.length === 0) {
    const remedy = 'Deploy it again with this version: cdk deploy';
    throw new UsageError('AWS_TARGET', `this stack has no door for ${mode}.`, { where, remedy });
  }
  if (target === undefined) {
    throw new UsageError('AWS_TARGET', `which target is meant? There are several: ${names}.`, {
      where,
      remedy: 'Name it: --target NAME',
    });
  }
  throw new UsageError('AWS_TARGET', `there is no target ${JSON.stringify(target)}.`, {
    where,
    remedy: `These there are: ${names}. Others are added in keyferry.toml and by cdk deploy.`,
  });
}
