import mysql from 'mysql2/promise';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { HAS_MARIADB, startMariadb } from './mariadb.ts';
import { HAS_POSTGRESQL, startPostgresql } from './postgresql.ts';

describe.skipIf(!HAS_POSTGRESQL)('PostgreSQL of the tests', () => {
  test('answers, keeps what is committed over a crash, and refuses a wrong password', async () => {
    const server = await startPostgresql();
    try {
      const ask = async (sql: string, password = server.password) => {
        const client = new pg.Client({ ...server, password, database: 'postgres' });
        await client.connect();
        return client.query(sql).finally(() => client.end());
      };
      await ask('CREATE TABLE t AS SELECT 7 AS n');
      await server.kill();
      await server.start();
      expect((await ask('SELECT n FROM t')).rows).toEqual([{ n: 7 }]);
      await expect(ask('SELECT 1', 'wrong')).rejects.toThrow('password authentication failed');
    } finally {
      await server.stop();
    }
  });
});

describe.skipIf(!HAS_MARIADB)('MariaDB of the tests', () => {
  test('answers, keeps what is committed over a crash, and refuses a wrong password', async () => {
    const server = await startMariadb();
    try {
      const { host, port, user } = server;
      const ask = async (sql: string, password = server.password) => {
        const connection = await mysql.createConnection({ host, port, user, password });
        return connection.query(sql).finally(() => connection.end());
      };
      await ask('CREATE DATABASE d');
      await ask('CREATE TABLE d.t AS SELECT 7 AS n');
      await server.kill();
      await server.start();
      expect((await ask('SELECT n FROM d.t'))[0]).toEqual([{ n: 7 }]);
      await expect(ask('SELECT 1', 'wrong')).rejects.toThrow('Access denied');
    } finally {
      await server.stop();
    }
  });
});
