// How a page of names is asked for: plain SCAN, and what proxies of clouds make of it.
import type { Command } from '../../redis/command-pipe.ts';

/** Proxies before a cluster that name the node in the command. */
export const SCAN_CLOUDS = ['aliyun_cluster', 'tencent_cluster'] as const;
export type ScanCloud = (typeof SCAN_CLOUDS)[number];

export interface Spelling {
  /** Words behind COUNT, such as MATCH and TYPE, with theirs. */
  readonly narrowing: Command;
  readonly cloud?: ScanCloud | undefined;
  /** The node behind the proxy: Aliyun's number from 0 on, Tencent's node id. */
  readonly node?: string | undefined;
}

/**
 * @see https://help.aliyun.com/zh/redis (ISCAN), https://cloud.tencent.com/document/product/239 (SCAN with a node id)
 */
export function scanCommand({ narrowing, cloud, node = '0' }: Spelling, cursor: string, count: number): Command {
  const counted = ['COUNT', String(count), ...narrowing];
  if (cloud === 'aliyun_cluster') return ['ISCAN', node, cursor, ...counted];
  if (cloud === 'tencent_cluster') return ['SCAN', cursor, ...counted, node];
  return ['SCAN', cursor, ...counted];
}
