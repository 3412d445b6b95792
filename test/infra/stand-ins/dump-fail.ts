// Stands in for dump-fail, which no machine here calls.
export const handler = async () => ({});
