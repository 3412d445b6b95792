// What to do about a server's failure where it is dumped. Such errors are written for jobs that write to a server, and go on
// from where they ended; a dump begins anew.
import { SourceError, TargetError } from '../../errors.ts';
import { withRemedy } from '../with-remedy.ts';

const GOES_ON = /(?:The same command again|Then run the same command again: it) goes on from here\.$/;
const BEGINS_ANEW = 'Then run the same command again: it begins anew.';

/** By the error's code: where the words for a job that writes would name options that a dump does not have. */
const REMEDIES: Readonly<Record<string, string>> = {
  CLUSTER_MAP: 'Name a node of the cluster itself: behind a proxy no server can be dumped.',
  TARGET_COMMAND:
    'Is there a proxy? Name the server behind it. Was PSYNC renamed? --psync-name says how. By --via scan a dump needs SCAN and DUMP.',
  TARGET_DB: 'Name the server behind it, or look at its `databases`.',
  TARGET_NOPERM: 'Grant it with ACL SETUSER: keyferry help dump lists what each way needs.',
};

/** The error in the words of a dump; any other as it is. */
export function asDumpError(error: unknown): unknown {
  if (!(error instanceof TargetError || error instanceof SourceError)) return error;
  return withRemedy(error, REMEDIES[error.code] ?? error.remedy?.replace(GOES_ON, BEGINS_ANEW));
}
