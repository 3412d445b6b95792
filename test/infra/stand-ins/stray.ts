// Stands in for stray, which no machine calls.
export const handler = async () => ({});
