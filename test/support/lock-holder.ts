// A process that takes a lock and holds it until it is ended: says `held`, or the code of what kept it from it.
import { takeLock } from '../../lib/checkpoint/lock.ts';
import { KeyferryError } from '../../lib/errors.ts';

try {
  await takeLock(process.argv[2] as string);
  process.stdout.write('held\n');
  // A lock does not keep its process alive.
  setInterval(() => {}, 1000);
} catch (error) {
  process.stdout.write(`${error instanceof KeyferryError ? error.code : error}\n`);
}
