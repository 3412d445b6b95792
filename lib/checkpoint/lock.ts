// Keeps two runs of one job apart: a lock that goes with its process, however that dies.

import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalError } from '../errors.ts';

export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes the lock of that name on this machine. It is a unix socket that is listened on. On Linux its name is no file's,
 * so that the kernel takes it back in the moment in which its process dies. Elsewhere it is a file, and a stale one is
 * told from a live one by whether somebody answers; of several runs that find a stale one in the same instant, two may
 * then get it.
 *
 * @param name short, safe in a file name
 * @throws {LocalError} `JOB_RUNNING` when another process holds it
 */
export async function takeLock(name: string): Promise<Lock> {
  const inKernel = process.platform === 'linux';
  const path = inKernel ? `\0keyferry-${name}` : join(tmpdir(), `keyferry-${name}.lock`);
  for (let attempt = 0; ; attempt++) {
    const server = await listen(path);
    if (server !== undefined) {
      server.unref();
      return { release: () => new Promise((resolve) => server.close(() => resolve())) };
    }
    if (inKernel || (await answers(path)) || attempt > 3) {
      throw new LocalError('JOB_RUNNING', 'another run of this job is at work.', {
        where: show(path),
        remedy: 'Wait for it, or stop it; then run the same command again.',
      });
    }
    await rm(path, { force: true });
  }
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else
        reject(
          new LocalError('LOCAL_LOCK', `the job's lock cannot be taken: ${error.message}.`, {
            where: show(path),
            cause: error,
          }),
        );
    });
    server.listen(path, () => resolve(server));
  });
}

/** The socket as people write it: a name that is no file's with an @ in front. */
const show = (path: string): string => path.replace(/^\0/, '@');

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
