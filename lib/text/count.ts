// Numbers as people read them.

/** A whole number with commas: `1,048,576`. By hand, since the first use of Intl costs a short run most of its time. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');
}
