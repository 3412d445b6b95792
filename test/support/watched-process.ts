// Runs a script in a process of its own, which is ended when it hangs: one line of output for each case that begins, and
// the result as JSON in the last.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A case that takes longer than this hangs; it takes ms. */
const CASE_MS = 20_000;

/** @throws when the process hangs or fails, with the case that it was at */
export function runWatched<R>(script: string, order: object): Promise<R> {
  const child = spawn(process.execPath, ['--expose-gc', script, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let last = 'nothing yet';
    let errors = '';
    const hang = () => {
      child.kill('SIGKILL');
      reject(new Error(`no end of: ${last}`));
    };
    let watch = setTimeout(hang, CASE_MS);
    child.stderr.on('data', (data) => {
      errors += data;
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      last = line;
      clearTimeout(watch);
      watch = setTimeout(hang, CASE_MS);
    });
    child.once('close', (code) => {
      clearTimeout(watch);
      if (code === 0) resolve(JSON.parse(last));
      else reject(new Error(`the process ended with ${code} at: ${last}\n${errors}`));
    });
  });
}
