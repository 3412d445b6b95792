// Looks at the target before the first key of a job, and loads function libraries: what would stop it shows once, here.
import type { Lease } from '../../checkpoint/dynamodb/lease.ts';
import { openTableLedger } from '../../checkpoint/dynamodb/ledger.ts';
import { newFunctionTally } from '../report.ts';
import { restoreFunctions } from '../restore-functions.ts';
import { type AwsJob, keepLease } from './job.ts';
import { openRestore, type RestoreContext, unitName, writePrepared } from './restore-steps.ts';

/** @throws {TargetError} what would stop the job; {UsageError} for options that do not go with the file */
export async function prepareRestore(context: RestoreContext, job: AwsJob, lease: Lease): Promise<void> {
  const { cloud } = context;
  await keepLease(cloud, lease);
  const { input, session, ledgerOf, close } = await openRestore(context, job);
  try {
    const ledger = await openTableLedger(cloud.table, { id: job.id, job: ledgerOf, fresh: false, lease });
    const left = input.chunks.filter((chunk) => ledger.units.get(unitName(chunk))?.state !== 'done');
    const bytes = left.reduce((sum, { start, end }) => sum + end - start, 0);
    const { warnings, ...checked } = await session.preflight(ledger.resumed, bytes);
    const report = { functions: newFunctionTally(), warnings: [...warnings] };
    const { fleet, policy } = session;
    await restoreFunctions([input], { fleet, policy, supported: checked.functions, report });
    await writePrepared(cloud, job, {
      checked: { ...checked, bulkLimit: Number.isFinite(checked.bulkLimit) ? checked.bulkLimit : null },
      server: session.describe(checked),
      ...report,
    });
  } finally {
    await close();
  }
}
