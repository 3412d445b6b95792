// Stands in for dump-discover, which no machine here calls.
export const handler = async () => ({});
