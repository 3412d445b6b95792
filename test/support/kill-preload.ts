// Loaded into a process before everything else (`node --import`): kills it with SIGKILL at a chosen point.
//
// A point is the Nth awaited step (a promise's reaction about to run), the Nth write to a socket, or the Nth write or
// sync of a file; a write may be killed before it, in its middle, or behind it. KEYFERRY_KILL says which: "step:812:before",
// "socket:40:half". Without it the points are counted, and written to the file that KEYFERRY_KILL_COUNTS names.
import { writeFileSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Socket } from 'node:net';
import { promiseHooks } from 'node:v8';
import type { KillKind } from './kill-run.ts';

const [kind, number, mode] = (process.env.KEYFERRY_KILL ?? 'none:0:before').split(':');
const counts: Record<KillKind, number> = { step: 0, socket: 0, file: 0 };

/** True when this is the point. */
function reached(of: KillKind): boolean {
  return ++counts[of] === Number(number) && of === kind;
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

promiseHooks.onBefore(() => {
  if (reached('step')) die();
});

/** Of what is written so much goes out before the kill. */
function part(length: number): number {
  return mode === 'before' ? 0 : mode === 'half' ? length >> 1 : length;
}

type Write = (piece: unknown, ...rest: unknown[]) => boolean;
const socketWrite = Socket.prototype.write as Write;
Socket.prototype.write = function (this: Socket, ...args: Parameters<Write>): boolean {
  // Pipes are sockets too; what goes to the screen is no point.
  if (this.remotePort === undefined || !reached('socket')) return socketWrite.apply(this, args);
  const bytes = Buffer.from(args[0] as Buffer);
  // The system takes a write at once as long as it has room, so that it's out before the kill.
  if (part(bytes.length) > 0) socketWrite.call(this, bytes.subarray(0, part(bytes.length)));
  die();
  return false;
} as typeof Socket.prototype.write;

const handle = await open(process.execPath);
const files = Object.getPrototypeOf(handle) as FileHandle;
await handle.close();
const { write, datasync } = files;
type FileWrite = (bytes: Buffer, offset: number, length: number, position: number) => Promise<unknown>;
files.write = async function (this: FileHandle, bytes: Buffer, offset: number, length: number, position: number) {
  if (reached('file')) {
    if (part(length) > 0) writeSync(this.fd, bytes, offset, part(length), position);
    die();
  }
  return (write as FileWrite).call(this, bytes, offset, length, position);
} as FileHandle['write'];
files.datasync = async function (this: FileHandle) {
  const dies = reached('file');
  if (dies && mode === 'before') die();
  await datasync.call(this);
  if (dies) die();
};

process.on('exit', () => {
  const path = process.env.KEYFERRY_KILL_COUNTS;
  if (path !== undefined) writeFileSync(path, JSON.stringify(counts));
});
