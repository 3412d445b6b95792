// What settings cost that cost something while nothing runs.

/** Interface endpoint, US East (N. Virginia), US dollars; https://aws.amazon.com/privatelink/pricing/ */
const USD_PER_ZONE_HOUR = 0.01;
const USD_PER_GB = 0.01;
const HOURS_PER_MONTH = 730;
/** When these prices were looked at. */
export const PRICES_OF = '2026-11';

/** In words, for one zone. */
export const ENDPOINT_PRICE = `$${USD_PER_ZONE_HOUR} an hour in each zone ($${endpointUsdPerMonth(1).toFixed(2)} a month) and $${USD_PER_GB} a GB (us-east-1, ${PRICES_OF})`;

/** What an interface endpoint in so many availability zones costs a month, without traffic; US dollars, us-east-1. */
export function endpointUsdPerMonth(zones: number): number {
  return USD_PER_ZONE_HOUR * HOURS_PER_MONTH * zones;
}
