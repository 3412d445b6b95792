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
 * Takes the lock of that name on this machine. It is a unix socket that is listened on: unlike a file with a process id
 * in it, a stale one is told from a live one by whether somebody answers.
 *
 * @param name short, safe in a file name
 * @throws {LocalError} `JOB_RUNNING` when another process holds it
 */
export async function takeLock(name: string): Promise<Lock> {
  const path = join(tmpdir(), `keyferry-${name}.lock`);
  for (let attempt = 0; ; attempt++) {
    const server = await listen(path);
    if (server !== undefined) {
      server.unref();
      return { release: () => new Promise((resolve) => server.close(() => resolve())) };
    }
    if ((await answers(path)) || attempt > 3) {
      throw new LocalError('JOB_RUNNING', 'another run of this job is at work.', {
        where: path,
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
            where: path,
            cause: error,
          }),
        );
    });
    server.listen(path, () => resolve(server));
  });
}

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
