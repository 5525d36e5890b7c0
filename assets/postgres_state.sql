-- What a PostgreSQL database looks like, as one line of JSON, then the rows of its tables, one line each.
SET search_path = public;
SET statement_timeout = '60s';
CREATE TEMP VIEW tenon_tables AS
SELECT c.oid, c.relfilenode, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relpersistence,
       CASE WHEN n.nspname = 'public' THEN c.relname::text ELSE n.nspname || '.' || c.relname END AS name,
       format('%I.%I', n.nspname, c.relname) AS quoted
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e');

CREATE TEMP VIEW tenon_columns AS
SELECT a.attrelid AS oid, json_agg(json_build_object(
         'name', a.attname, 'kind', upper(format_type(a.atttypid, a.atttypmod)), 'required', a.attnotnull,
         'default', CASE WHEN a.attidentity <> '' THEN 'identity ' || CASE a.attidentity WHEN 'a' THEN 'always' ELSE 'by default' END
                         ELSE pg_get_expr(d.adbin, d.adrelid) END,
         'generated', a.attgenerated <> '',
         'key', coalesce((SELECT array_position(i.indkey::int2[], a.attnum) + 1 - array_lower(i.indkey::int2[], 1)
                          FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary), 0),
         'labels', (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = a.atttypid)
       ) ORDER BY a.attnum) AS columns
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped GROUP BY a.attrelid;

CREATE TEMP VIEW tenon_foreign AS
SELECT c.conrelid AS oid, json_agg(json_build_object(
         'target', t.name, 'quoted', t.quoted, 'words', pg_get_constraintdef(c.oid),
         'columns', (SELECT json_agg(json_build_array(f.attname, g.attname) ORDER BY k.at)
                     FROM unnest(c.conkey, c.confkey) WITH ORDINALITY AS k(here, there, at)
                     JOIN pg_attribute f ON f.attrelid = c.conrelid AND f.attnum = k.here
                     JOIN pg_attribute g ON g.attrelid = c.confrelid AND g.attnum = k.there))) AS keys
FROM pg_constraint c JOIN tenon_tables t ON t.oid = c.confrelid WHERE c.contype = 'f' GROUP BY c.conrelid;

CREATE TEMP VIEW tenon_others AS
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'sequence' END AS kind,
       c.oid::regclass::text AS name,
       CASE WHEN c.relkind = 'S' THEN '' ELSE pg_get_viewdef(c.oid) END AS text, 'pg_class'::regclass AS class, c.oid, c.relnamespace AS space
FROM pg_class c WHERE c.relkind IN ('v', 'm')
   OR c.relkind = 'S' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
UNION ALL
SELECT 'trigger', tgname || ' on ' || tgrelid::regclass, pg_get_triggerdef(t.oid), 'pg_trigger'::regclass, t.oid, c.relnamespace
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT tgisinternal
UNION ALL
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END, p.oid::regprocedure::text,
       CASE WHEN p.prokind IN ('f', 'p') THEN pg_get_functiondef(p.oid) ELSE '' END, 'pg_proc'::regclass, p.oid, p.pronamespace
FROM pg_proc p
UNION ALL
SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' ELSE 'type' END, t.oid::regtype::text,
       coalesce((SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
                format_type(t.typbasetype, t.typtypmod), ''), 'pg_type'::regclass, t.oid, t.typnamespace
FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND c.relkind = 'c'
UNION ALL
SELECT 'policy', polname || ' on ' || polrelid::regclass, concat_ws(' / ', polcmd, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)),
       'pg_policy'::regclass, p.oid, c.relnamespace
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
UNION ALL
SELECT 'schema', nspname, '', 'pg_namespace'::regclass, oid, oid FROM pg_namespace WHERE nspname <> 'public'
UNION ALL
SELECT 'extension', extname, '', 'pg_extension'::regclass, oid, NULL FROM pg_extension WHERE extname <> 'plpgsql';

SELECT json_build_object(
  'tables', coalesce((SELECT json_agg(json_build_object(
      'name', t.name, 'quoted', t.quoted, 'file', t.relfilenode::bigint,
      'columns', coalesce((SELECT columns FROM tenon_columns WHERE oid = t.oid), '[]'),
      'foreign', coalesce((SELECT keys FROM tenon_foreign WHERE oid = t.oid), '[]'),
      'indexes', coalesce((SELECT json_object_agg(i.indexrelid::regclass,
            CASE WHEN i.indisunique THEN 'unique ' ELSE '' END || regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING ', '')
            || CASE WHEN i.indisvalid THEN '' ELSE ' (not valid)' END) FROM pg_index i WHERE i.indrelid = t.oid AND NOT i.indisprimary), '{}'),
      'checks', coalesce((SELECT json_agg(pg_get_constraintdef(oid)) FROM pg_constraint WHERE conrelid = t.oid AND contype IN ('c', 'x')), '[]'),
      'options', to_json(array_remove(ARRAY[CASE WHEN t.relkind = 'p' THEN 'partitioned by ' || pg_get_partkeydef(t.oid) END,
            CASE WHEN t.relrowsecurity THEN 'row level security' END, CASE WHEN t.relforcerowsecurity THEN 'forced row level security' END,
            CASE WHEN t.relpersistence = 'u' THEN 'unlogged' END], NULL))))
    FROM tenon_tables t), '[]'),
  'others', coalesce((SELECT json_agg(json_build_array(kind || ' `' || name || '`', text)) FROM tenon_others o
      LEFT JOIN pg_namespace n ON n.oid = o.space
      WHERE (n.nspname IS NULL OR n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e')), '[]'));

SELECT format('SELECT jsonb_build_array(%L, (SELECT coalesce(jsonb_agg(to_jsonb(r)), ''[]'') FROM (SELECT * FROM %s LIMIT 1000) r))', name, quoted)
FROM tenon_tables \gexec
