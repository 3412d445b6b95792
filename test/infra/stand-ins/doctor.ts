// Stands in for doctor, which no machine calls.
export const handler = async () => ({});
