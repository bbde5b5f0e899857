/**
 * Stands for node-fetch in the bundle. @kubernetes/client-node brings it along for API calls of its own, which nothing
 * here makes; the package and its table of all Unicode domain names were a third of what a run on a cluster loads.
 */
export default globalThis.fetch;
export const { Headers, Request, Response, FormData, Blob } = globalThis;
export class AbortError extends Error {}
export class FetchError extends Error {}
