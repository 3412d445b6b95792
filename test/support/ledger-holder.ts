// A process that opens a ledger, begins a unit, and holds on until it is ended.
import { type FileLedgerOptions, openFileLedger } from '../../lib/checkpoint/file-ledger.ts';

const ledger = await openFileLedger(JSON.parse(process.argv[2] ?? '{}') as FileLedgerOptions);
await ledger.started('0/0');
process.stdout.write('begun\n');
setInterval(() => {}, 1000);
