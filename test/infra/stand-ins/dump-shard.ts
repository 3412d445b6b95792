// Stands in for dump-shard, which no machine here calls.
export const handler = async () => ({});
