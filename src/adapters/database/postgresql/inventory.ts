/**
 * All objects of a database as `kind` and `definition`. Left out is what a faithful copy may have otherwise: owners,
 * privileges, object ids, the text of expressions (the server writes some of them differently once they are read back),
 * versions of extensions and what belongs to them.
 */
export const INVENTORY = `
  WITH member AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
  schema AS (
    SELECT n.oid, n.nspname FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND ('pg_namespace'::regclass, n.oid) NOT IN (SELECT classid, objid FROM member)
  ),
  relation AS (
    SELECT c.*, format('%I.%I', s.nspname, c.relname) AS name
    FROM pg_class c JOIN schema s ON s.oid = c.relnamespace
    WHERE c.relpersistence <> 't' AND ('pg_class'::regclass, c.oid) NOT IN (SELECT classid, objid FROM member)
  )
  SELECT 'schemas' AS kind, nspname::text AS definition FROM schema
  UNION ALL
  SELECT 'relations', concat_ws(' ', r.relkind, r.name, r.relispartition, r.relrowsecurity, r.relforcerowsecurity,
    (SELECT string_agg(format('%I.%I', pn.nspname, p.relname), ',' ORDER BY i.inhseqno)
      FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
      WHERE i.inhrelid = r.oid))
  FROM relation r WHERE r.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
  UNION ALL
  SELECT 'columns', concat_ws(' ', format('%s.%I', r.name, a.attname), format_type(a.atttypid, a.atttypmod), a.attnotnull,
    a.atthasdef, a.attidentity::text, a.attgenerated::text, a.attcollation::regcollation)
  FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid
  WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT 'constraints', concat_ws(' ', r.name, quote_ident(k.conname), k.contype, k.condeferrable, k.condeferred,
    k.convalidated, k.confupdtype, k.confdeltype, k.confrelid::regclass,
    (SELECT string_agg(quote_ident(a.attname), ',' ORDER BY u.n) FROM unnest(k.conkey) WITH ORDINALITY u (num, n)
      JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num))
  FROM relation r JOIN pg_constraint k ON k.conrelid = r.oid WHERE k.contype <> 'n'
  UNION ALL
  SELECT 'indexes', concat_ws(' ', r.name, quote_ident(c.relname), i.indisunique, i.indisprimary, i.indnkeyatts, m.amname,
    (SELECT string_agg(quote_ident(a.attname), ',' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid))
  FROM relation r JOIN pg_index i ON i.indrelid = r.oid JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_am m ON m.oid = c.relam
  WHERE i.indisvalid OR r.relkind = 'p'
  UNION ALL
  SELECT 'functions', concat_ws(' ', p.prokind, p.oid::regprocedure, format_type(p.prorettype, NULL), l.lanname,
    p.provolatile, p.proisstrict, p.prosecdef, md5(p.prosrc))
  FROM pg_proc p JOIN schema s ON s.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
  WHERE ('pg_proc'::regclass, p.oid) NOT IN (SELECT classid, objid FROM member)
  UNION ALL
  SELECT 'triggers', concat_ws(' ', r.name, quote_ident(t.tgname), t.tgtype, t.tgenabled, t.tgfoid::regprocedure)
  FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT 'types', concat_ws(' ', t.typtype, format('%I.%I', s.nspname, t.typname), format_type(t.typbasetype, t.typtypmod),
    t.typnotnull, (SELECT string_agg(quote_literal(e.enumlabel), ',' ORDER BY e.enumsortorder)
      FROM pg_enum e WHERE e.enumtypid = t.oid),
    (SELECT string_agg(quote_ident(k.conname), ',' ORDER BY k.conname) FROM pg_constraint k
      WHERE k.contypid = t.oid AND k.contype <> 'n'))
  FROM pg_type t JOIN schema s ON s.oid = t.typnamespace
  WHERE t.typtype IN ('e', 'd', 'r') AND ('pg_type'::regclass, t.oid) NOT IN (SELECT classid, objid FROM member)
  UNION ALL
  SELECT 'policies', concat_ws(' ', r.name, quote_ident(p.polname), p.polcmd, p.polpermissive)
  FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
  UNION ALL
  SELECT 'rules', concat_ws(' ', r.name, quote_ident(w.rulename), w.ev_type, w.is_instead)
  FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid
  UNION ALL
  SELECT 'extensions', extname::text FROM pg_extension
  UNION ALL
  SELECT 'comments', concat_ws(' ', r.name, d.objsubid = 0, (SELECT quote_ident(a.attname) FROM pg_attribute a
    WHERE a.attrelid = r.oid AND a.attnum = d.objsubid AND d.objsubid > 0), md5(d.description))
  FROM relation r JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = r.oid`;
