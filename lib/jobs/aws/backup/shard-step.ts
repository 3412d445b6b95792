// What one call has done for its shard: what the state machine goes by.

export interface ShardStep {
  /** Of the shard, so far. */
  readonly keys: number;
  readonly bytes: number;
  /** Another call has to go on. */
  readonly again: boolean;
  /** Where that one finds how far this one came. */
  readonly from?: string | undefined;
}
