import { build } from 'tsdown';

/** Builds `dist/` before the first test, so that no test runs yesterday's product. */
export default async function setup(): Promise<void> {
  await build({ logLevel: 'warn' });
}
