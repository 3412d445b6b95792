// The names that PSYNC has on servers where it was renamed: `HOST:PORT@NAME`, as RedisShake's `aws_psync` spells them.
import { UsageError } from '../../errors.ts';
import { RENAMED_PSYNC } from '../../text/renamed-psync.ts';

/** By `host:port` as a node is known; under `''` the name for all others. */
export type PsyncNames = ReadonlyMap<string, string>;

/**
 * Reads `HOST:PORT@NAME,HOST:PORT@NAME`, or one NAME for every node.
 *
 * @throws {UsageError} `PSYNC_NAME`
 */
export function parsePsyncNames(text: string, before: PsyncNames = new Map()): PsyncNames {
  const names = new Map(before);
  for (const item of text.split(',')) {
    if (!RENAMED_PSYNC.test(item.trim())) {
      throw new UsageError('PSYNC_NAME', 'this is not the name of a renamed PSYNC.', {
        where: item,
        remedy: 'Write HOST:PORT@NAME, with commas for several nodes, or one NAME for all.',
      });
    }
    const [name = '', address = ''] = item.trim().split('@').reverse();
    names.set(address, name);
  }
  return names;
}

/** What PSYNC is called there; `undefined` where it was not renamed. */
export function psyncNameOf(names: PsyncNames, { host, port }: { host: string; port: number }): string | undefined {
  return names.get(`${host}:${port}`) ?? names.get('');
}
