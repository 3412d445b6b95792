// Stands in for backup-age, which no machine here calls.
export const handler = async () => ({});
