import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { RollbackError } from '../../../model/error.ts';
import type { Backend, ProxyAddress, Routes } from './proxy-api.ts';

/** Reads `<DIR>/proxy.json`. @throws RollbackError `PROXY_CONFIGURATION` */
export function readAddress(dir: string): ProxyAddress {
  const value = readJson(join(dir, 'proxy.json'));
  if (!isObject(value) || typeof value.host !== 'string' || !isPort(value.port, 0)) {
    throw unreadable(join(dir, 'proxy.json'), 'It does not hold a host and a port');
  }
  return { host: value.host, port: value.port };
}

/** Reads `<DIR>/routes.json`. @throws RollbackError `PROXY_CONFIGURATION` */
export function readRoutes(dir: string): Routes {
  const routes = parseRoutes(readJson(join(dir, 'routes.json')));
  if (typeof routes === 'string') throw unreadable(join(dir, 'routes.json'), routes);
  return routes;
}

/** @returns the routes, or why the value is none */
export function parseRoutes(value: unknown): Routes | string {
  if (!isObject(value) || !Number.isSafeInteger(value.version) || !Array.isArray(value.backends)) {
    return 'Routes are a version (whole number) and a list of backends';
  }
  const seen = new Set<string>();
  for (const backend of value.backends as unknown[]) {
    if (!isBackend(backend)) return `This is not a backend: ${JSON.stringify(backend)}`;
    if (seen.has(backend.id)) return `The backend ${backend.id} is there twice`;
    seen.add(backend.id);
  }
  return { version: value.version as number, backends: value.backends as Backend[] };
}

/** Whether two routes say the same, whatever their order. */
export function sameRoutes(a: Routes, b: Routes): boolean {
  const sorted = (routes: Routes) =>
    routes.backends
      .map(({ id, release, port, inRotation, ready }) => ({ id, release, port, inRotation, ready }))
      .sort((x, y) => (x.id < y.id ? -1 : 1));
  return a.version === b.version && isDeepStrictEqual(sorted(a), sorted(b));
}

function isBackend(value: unknown): value is Backend {
  return (
    isObject(value) &&
    isName(value.id) &&
    isName(value.release) &&
    isPort(value.port, 1) &&
    typeof value.inRotation === 'boolean' &&
    typeof value.ready === 'boolean'
  );
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= 100;
}

function isPort(value: unknown, least: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= 65_535;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw unreadable(path, error instanceof Error ? error.message : String(error), error);
  }
}

function unreadable(path: string, why: string, cause?: unknown): RollbackError {
  return new RollbackError({
    code: 'PROXY_CONFIGURATION',
    summary: `Cannot read ${path}`,
    detail: `${why}.`,
    fix: 'rollback-deploy-auto local start',
    cause,
  });
}
