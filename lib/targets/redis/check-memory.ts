// Whether the data has room on the target.
import { TargetError } from '../../errors.ts';
import type { ServerInfo } from '../../redis/server-info.ts';
import { formatCount } from '../../text/count.ts';
import type { PreflightOptions } from './preflight.ts';

/** Memory that a data set takes is at least its bytes in the file and often more: from here on a warning is due. */
const USUAL_GROWTH = 1.5;

const freeOf = (server: ServerInfo): number => server.maxMemory - server.usedMemory;

/** @throws {TargetError} `TARGET_FULL` when what is to be written cannot have room */
export function checkMemory(options: PreflightOptions, servers: readonly ServerInfo[], warnings: string[]): void {
  const { policy, filtered, force, fleet } = options;
  // A cluster's keys are spread about evenly.
  const bytesToWrite = options.bytesToWrite / servers.length;
  const server = servers.filter(({ maxMemory }) => maxMemory > 0).sort((a, b) => freeOf(a) - freeOf(b))[0];
  if (server === undefined) return;
  const free = freeOf(server);
  const numbers = `${formatCount(Math.round(bytesToWrite))} bytes are to be written${servers.length > 1 ? ' to each master' : ''}, ${formatCount(Math.max(0, free))} are free below maxmemory`;
  const evicts = server.evictionPolicy !== 'noeviction';
  if (bytesToWrite > free) {
    // Replaced keys free memory, filtered ones need none, and an evicting server takes everything.
    if (!evicts && policy !== 'rewrite' && !filtered && !force) {
      throw new TargetError('TARGET_FULL', `the target has no room: ${numbers}.`, {
        where: fleet.name,
        remedy: 'Raise maxmemory, take a larger server, or leave keys out; --force tries all the same.',
      });
    }
    warnings.push(`${numbers}${evicts ? `: the server will evict keys (${server.evictionPolicy})` : ''}.`);
  } else if (bytesToWrite * USUAL_GROWTH > free) {
    warnings.push(`Memory is close: ${numbers}, and data takes more room in memory than in a file.`);
  }
}
