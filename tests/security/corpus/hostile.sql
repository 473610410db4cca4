-- Statements that must never run.  Each names the code of the refusal that is expected.

-- name: read_csv
-- code: sql_function_refused
SELECT * FROM read_csv('/etc/passwd')
-- name: read_csv_auto
-- code: sql_function_refused
FROM read_csv_auto('/etc/passwd')
-- name: read_text
-- code: sql_function_refused
FROM read_text('/etc/passwd')
-- name: read_blob_environ
-- code: sql_function_refused
FROM read_blob('/proc/self/environ')
-- name: read_json
-- code: sql_function_refused
FROM read_json('/tmp/x.json')
-- name: read_ndjson_objects
-- code: sql_function_refused
FROM read_ndjson_objects('/tmp/x.json')
-- name: read_parquet
-- code: sql_function_refused
FROM read_parquet('/data/tables/other.parquet')
-- name: parquet_scan
-- code: sql_function_refused
FROM parquet_scan('x.parquet')
-- name: parquet_metadata
-- code: sql_function_refused
FROM parquet_metadata('x.parquet')
-- name: parquet_kv_metadata
-- code: sql_function_refused
FROM parquet_kv_metadata('x.parquet')
-- name: sniff_csv
-- code: sql_function_refused
FROM sniff_csv('/etc/passwd')
-- name: glob_function
-- code: sql_function_refused
FROM glob('/etc/*')
-- name: read_duckdb
-- code: sql_function_refused
FROM read_duckdb('/data/x.duckdb')
-- name: quoted_function_name
-- code: sql_function_refused
FROM "read_csv"('/etc/passwd')
-- name: upper_case_function
-- code: sql_function_refused
FROM READ_TEXT('/etc/passwd')
-- name: schema_qualified_function
-- code: sql_function_refused
FROM main."read_csv"('/etc/passwd')
-- name: system_qualified_function
-- code: sql_function_refused
FROM system.main.read_text('/etc/passwd')
-- name: look_alike_function
-- code: sql_unknown_function
-- status: error
FROM rеad_csv('/etc/passwd')
-- name: method_call_on_path
-- code: sql_function_refused
SELECT '/etc/passwd'.read_text()
-- name: scalar_position_of_table_function
-- code: sql_function_refused
SELECT read_csv('/etc/passwd')
-- name: pandas_scan
-- code: sql_function_refused
FROM pandas_scan(1)
-- name: arrow_scan
-- code: sql_function_refused
FROM arrow_scan(1, 2, 3)
-- name: python_map_function
-- code: sql_function_refused
FROM python_map_function((FROM sales), 1)
-- name: file_as_table
-- code: sql_unknown_table
FROM '/etc/passwd'
-- name: file_url_as_table
-- code: sql_unknown_table
SELECT * FROM 'file:///etc/passwd'
-- name: relative_file
-- code: sql_unknown_table
FROM '../../etc/passwd'
-- name: csv_file_as_table
-- code: sql_unknown_table
SELECT * FROM 'data.csv'
-- name: quoted_file_as_table
-- code: sql_unknown_table
FROM "table0.parquet"
-- name: url_as_table
-- code: sql_unknown_table
FROM 'https://example.com/x.parquet'
-- name: s3_as_table
-- code: sql_unknown_table
FROM 's3://bucket/x.parquet'
-- name: glob_as_table
-- code: sql_unknown_table
FROM '/data/tables/*.parquet'
-- name: table_dot_extension
-- code: sql_unknown_table
FROM sales.parquet
-- name: summarize_file
-- code: sql_unknown_table
SUMMARIZE '/etc/passwd'
-- name: describe_file
-- code: sql_unknown_table
DESCRIBE 'x.csv'
-- name: describe_reading_query
-- code: sql_function_refused
DESCRIBE SELECT * FROM read_csv('/etc/passwd')
-- name: show_file
-- code: sql_unknown_table
SHOW "/etc/passwd"
-- name: explain_file
-- code: sql_unknown_table
EXPLAIN FROM '/etc/passwd'
-- name: explain_analyze_function
-- code: sql_function_refused
EXPLAIN ANALYZE SELECT * FROM read_text('/etc/passwd')
-- name: explain_copy
-- code: sql_not_a_query
EXPLAIN COPY sales TO '/tmp/x.csv'
-- name: explain_analyze_copy
-- code: sql_not_a_query
EXPLAIN ANALYZE COPY sales TO '/tmp/x.csv'
-- name: explain_writing_cte
-- code: sql_not_a_query
EXPLAIN ANALYZE WITH x AS (COPY sales TO '/tmp/x') SELECT 1
-- name: explain_options_hide_statement
-- code: sql_not_a_query
EXPLAIN (FORMAT json) COPY sales TO '/tmp/x'
-- name: explain_unknown_option
-- code: sql_construct_refused
EXPLAIN (FORMAT html) SELECT 1
-- name: explain_then_second
-- code: sql_not_one_statement
EXPLAIN SELECT 1; DROP VIEW sales
-- name: copy_query_out
-- code: sql_not_a_query
COPY (SELECT 1) TO '/data/x.csv'
-- name: copy_table_out
-- code: sql_not_a_query
COPY sales TO '/dev/stdout'
-- name: copy_in
-- code: sql_not_a_query
COPY sales FROM '/etc/passwd'
-- name: export_database
-- code: sql_not_a_query
EXPORT DATABASE '/tmp/x'
-- name: import_database
-- code: sql_not_a_query
IMPORT DATABASE '/tmp/x'
-- name: copy_in_cte
-- code: sql_not_a_query
WITH x AS (COPY sales TO '/tmp/x') SELECT 1
-- name: copy_in_nested_cte
-- code: sql_not_a_query
SELECT * FROM (WITH a AS (WITH b AS (COPY (FROM sales) TO '/tmp/x') SELECT 1) SELECT 1)
-- name: copy_in_cte_of_expression
-- code: sql_not_a_query
SELECT id FROM sales WHERE id = (WITH x AS (COPY sales TO '/tmp/x') SELECT 1)
-- name: delete_in_cte
-- code: sql_not_a_query
WITH x AS (DELETE FROM sales RETURNING *) SELECT * FROM x
-- name: update_in_cte
-- code: sql_not_a_query
WITH x AS (UPDATE sales SET id = 1 RETURNING *) SELECT * FROM x
-- name: insert_in_cte
-- code: sql_not_a_query
WITH x AS (INSERT INTO sales SELECT * FROM sales RETURNING *) SELECT * FROM x
-- name: insert_in_cte_of_union_arm
-- code: sql_not_a_query
SELECT 1 UNION ALL (WITH x AS (INSERT INTO "order" VALUES (1, 'x') RETURNING id) SELECT id FROM x)
-- name: delete_in_cte_of_describe
-- code: sql_not_a_query
FROM (DESCRIBE (WITH x AS (DELETE FROM sales RETURNING *) SELECT * FROM x))
-- name: delete
-- code: sql_not_a_query
DELETE FROM sales
-- name: truncate
-- code: sql_not_a_query
TRUNCATE sales
-- name: update
-- code: sql_not_a_query
UPDATE sales SET amount = 0
-- name: insert
-- code: sql_not_a_query
INSERT INTO sales SELECT * FROM sales
-- name: merge
-- code: sql_not_a_query
MERGE INTO sales USING customers c ON sales.customer = c.id WHEN MATCHED THEN DELETE
-- name: create_table
-- code: sql_not_a_query
CREATE TABLE x AS SELECT 1
-- name: create_temp_table
-- code: sql_not_a_query
CREATE TEMP TABLE x AS SELECT 1
-- name: create_view
-- code: sql_not_a_query
CREATE VIEW x AS FROM read_csv('/etc/passwd')
-- name: create_macro
-- code: sql_not_a_query
CREATE MACRO f(x) AS TABLE FROM read_csv(x)
-- name: create_secret
-- code: sql_not_a_query
CREATE SECRET s (TYPE s3, KEY_ID 'x')
-- name: create_sequence
-- code: sql_not_a_query
CREATE SEQUENCE s
-- name: create_type
-- code: sql_not_a_query
CREATE TYPE mood AS ENUM ('a')
-- name: drop_view
-- code: sql_not_a_query
DROP VIEW sales
-- name: alter_table
-- code: sql_not_a_query
ALTER TABLE sales ADD COLUMN x INTEGER
-- name: attach
-- code: sql_not_a_query
ATTACH '/tmp/x.duckdb' AS x
-- name: detach
-- code: sql_not_a_query
DETACH memory
-- name: use_schema
-- code: sql_not_a_query
USE memory
-- name: install
-- code: sql_not_a_query
INSTALL httpfs
-- name: force_install
-- code: sql_not_a_query
FORCE INSTALL httpfs FROM community
-- name: load
-- code: sql_not_a_query
LOAD '/tmp/x.duckdb_extension'
-- name: set_memory
-- code: sql_not_a_query
SET memory_limit = '100GB'
-- name: set_threads
-- code: sql_not_a_query
SET threads = 64
-- name: set_access
-- code: sql_not_a_query
SET enable_external_access = true
-- name: reset_setting
-- code: sql_not_a_query
RESET memory_limit
-- name: set_variable
-- code: sql_not_a_query
SET VARIABLE x = (SELECT 1)
-- name: set_schema
-- code: sql_not_a_query
SET schema = 'x'
-- name: pragma_call
-- code: sql_not_a_query
PRAGMA table_info('sales')
-- name: pragma_setting
-- code: sql_not_a_query
PRAGMA memory_limit = '1TB'
-- name: call_function
-- code: sql_not_a_query
CALL pragma_version()
-- name: call_logging
-- code: sql_not_a_query
CALL enable_logging('QueryLog', storage := 'file', storage_path := '/tmp/x')
-- name: checkpoint
-- code: sql_not_a_query
CHECKPOINT
-- name: vacuum
-- code: sql_not_a_query
VACUUM
-- name: begin
-- code: sql_not_a_query
BEGIN
-- name: rollback
-- code: sql_not_a_query
ROLLBACK
-- name: prepare
-- code: sql_not_a_query
PREPARE p AS SELECT 1
-- name: execute
-- code: sql_not_a_query
EXECUTE p
-- name: two_statements
-- code: sql_not_one_statement
SELECT 1; DROP VIEW sales
-- name: two_harmless_statements
-- code: sql_not_one_statement
SELECT 1; SELECT 2
-- name: statement_behind_backslash
-- code: sql_not_one_statement
SELECT '\'; DROP VIEW sales; --'
-- name: statement_behind_comment
-- code: sql_not_one_statement
SELECT 1 /* ; */; /* x */ DROP VIEW sales
-- name: statement_behind_nested_comment
-- code: sql_not_one_statement
SELECT 1 /* /* */ */; DROP VIEW sales
-- name: statement_behind_dollar_quote
-- code: sql_not_one_statement
SELECT $a$ $b$ $a$; DROP VIEW sales; SELECT $b$ $b$
-- name: nothing
-- code: sql_not_one_statement

-- name: only_semicolons
-- code: sql_not_one_statement
;;;
-- name: only_comment
-- code: sql_not_one_statement
-- DROP TABLE sales
-- name: query_function
-- code: sql_function_refused
FROM query('SELECT 1')
-- name: query_function_reading
-- code: sql_function_refused
FROM query('FROM read_csv(''/etc/passwd'')')
-- name: query_table
-- code: sql_function_refused
FROM query_table('sales')
-- name: query_table_list
-- code: sql_function_refused
FROM query_table(['/etc/passwd'])
-- name: json_execute
-- code: sql_function_refused
FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))
-- name: json_serialize
-- code: sql_function_refused
SELECT json_serialize_sql('SELECT 1')
-- name: json_serialize_plan
-- code: sql_function_refused
SELECT json_serialize_plan('FROM sales')
-- name: histogram_macro
-- code: sql_function_refused
FROM histogram('/etc/passwd', content)
-- name: histogram_values_macro
-- code: sql_function_refused
FROM histogram_values(sales, amount)
-- name: duckdb_settings
-- code: sql_function_refused
FROM duckdb_settings()
-- name: duckdb_settings_view
-- code: sql_unknown_table
FROM duckdb_tables
-- name: duckdb_secrets
-- code: sql_function_refused
FROM duckdb_secrets()
-- name: duckdb_logs
-- code: sql_function_refused
FROM duckdb_logs()
-- name: duckdb_external_file_cache
-- code: sql_function_refused
FROM duckdb_external_file_cache()
-- name: pragma_database_list_function
-- code: sql_function_refused
FROM pragma_database_size()
-- name: which_secret
-- code: sql_function_refused
FROM which_secret('s3://x', 's3')
-- name: current_setting
-- code: sql_function_refused
SELECT current_setting('temp_directory')
-- name: getvariable
-- code: sql_function_refused
SELECT getvariable('x')
-- name: getenv
-- code: sql_unknown_function
-- status: error
SELECT getenv('HOME')
-- name: nextval
-- code: sql_function_refused
SELECT nextval('s')
-- name: write_log
-- code: sql_function_refused
SELECT write_log('x')
-- name: sleep
-- code: sql_function_refused
SELECT sleep_ms(1000000)
-- name: pg_sleep
-- code: sql_function_refused
SELECT pg_sleep(1000)
-- name: pg_catalog_function
-- code: sql_function_refused
SELECT pg_catalog.pg_get_viewdef(1)
-- name: transaction_number
-- code: sql_function_refused
SELECT txid_current()
-- name: internal_function
-- code: sql_function_refused
SELECT __internal_decompress_string(1)
-- name: aggregate_state
-- code: sql_function_refused
SELECT finalize('x'::BLOB)
-- name: test_all_types
-- code: sql_function_refused
FROM test_all_types()
-- name: set_seed
-- code: sql_function_refused
SELECT setseed(0.5)
-- name: information_schema
-- code: sql_unknown_table
SELECT * FROM information_schema.tables
-- name: information_schema_columns
-- code: sql_unknown_table
SELECT * FROM system.information_schema.columns
-- name: pg_catalog_table
-- code: sql_unknown_table
SELECT * FROM pg_catalog.pg_tables
-- name: pg_tables_bare
-- code: sql_unknown_table
SELECT * FROM pg_class
-- name: sqlite_master
-- code: sql_unknown_table
SELECT * FROM sqlite_master
-- name: other_catalog
-- code: sql_unknown_table
SELECT * FROM temp.main.sales
-- name: other_schema
-- code: sql_unknown_table
SELECT * FROM evil.sales
-- name: five_part_name
-- code: sql_construct_refused
SELECT * FROM a.b.c.d.sales
-- name: unregistered_table
-- code: sql_unknown_table
SELECT * FROM salaries
-- name: look_alike_table
-- code: sql_unknown_table
SELECT * FROM sаles
-- name: umlaut_case_is_another_name
-- code: sql_unknown_table
SELECT * FROM "UMSÄTZE 2024"
-- name: show_all_tables
-- code: sql_construct_refused
SHOW ALL TABLES
-- name: show_databases
-- code: sql_construct_refused
SHOW DATABASES
-- name: show_tables_from
-- code: sql_construct_refused
SHOW TABLES FROM system
-- name: show_variables
-- code: sql_construct_refused
FROM (SHOW VARIABLES)
-- name: show_setting
-- code: sql_unknown_table
SHOW memory_limit
-- name: describe_nothing
-- code: sql_construct_refused
DESCRIBE
-- name: parameter_question_mark
-- code: sql_parameter
SELECT * FROM sales WHERE id = ?
-- name: parameter_number
-- code: sql_parameter
SELECT $1
-- name: parameter_name
-- code: sql_parameter
SELECT * FROM range($n)
-- name: time_travel
-- code: sql_construct_refused
SELECT * FROM sales AT (VERSION => 1)
-- name: pivot_on_enum
-- code: sql_construct_refused
PIVOT sales ON region IN some_type
-- name: cte_names_itself_a_file
-- code: sql_unknown_table
WITH "/etc/passwd" AS (FROM "/etc/passwd") FROM "/etc/passwd"
-- name: cte_used_before_it_is_defined
-- code: sql_unknown_table
WITH a AS (FROM "x.csv"), "x.csv" AS (SELECT 1) FROM a
-- name: cte_out_of_scope
-- code: sql_unknown_table
SELECT * FROM (WITH "x.csv" AS (SELECT 1) FROM "x.csv") a, "x.csv"
-- name: cte_of_one_union_arm
-- code: sql_unknown_table
(WITH hidden AS (SELECT 1 AS a) SELECT a FROM hidden) UNION ALL SELECT a FROM hidden
-- name: cte_with_schema
-- code: sql_unknown_table
WITH secrets AS (SELECT 1) FROM main.secrets
-- name: cte_of_sibling_subquery
-- code: sql_unknown_table
SELECT (WITH q AS (SELECT 1 AS a) SELECT a FROM q), (SELECT a FROM q)
-- name: recursive_anchor_reads_file
-- code: sql_unknown_table
WITH RECURSIVE "f.csv" AS (FROM "f.csv" UNION ALL FROM "f.csv") FROM "f.csv"
-- name: recursive_keyword_plain_body
-- code: sql_unknown_table
WITH RECURSIVE "f.csv" AS (SELECT * FROM "f.csv") FROM "f.csv"
-- name: recurring_outside_recursion
-- code: sql_unknown_table
WITH t AS (SELECT 1) FROM recurring.t
-- name: file_in_select_subquery
-- code: sql_unknown_table
SELECT (SELECT count(*) FROM '/etc/passwd')
-- name: file_in_where
-- code: sql_function_refused
SELECT * FROM sales WHERE region IN (SELECT content FROM read_text('/etc/passwd'))
-- name: file_in_filter
-- code: sql_function_refused
SELECT count(*) FILTER (WHERE id < (SELECT count(*) FROM glob('*'))) FROM sales
-- name: file_in_order_by
-- code: sql_function_refused
SELECT id FROM sales ORDER BY (SELECT count(*) FROM glob('*'))
-- name: file_in_limit
-- code: sql_function_refused
SELECT id FROM sales LIMIT (SELECT count(*) FROM glob('*'))
-- name: file_in_offset
-- code: sql_function_refused
SELECT id FROM sales LIMIT 1 OFFSET (SELECT count(*) FROM glob('*'))
-- name: file_in_group_by
-- code: sql_function_refused
SELECT count(*) FROM sales GROUP BY (SELECT count(*) FROM glob('*'))
-- name: file_in_having
-- code: sql_function_refused
SELECT region FROM sales GROUP BY 1 HAVING count(*) > (SELECT count(*) FROM glob('*'))
-- name: file_in_qualify
-- code: sql_function_refused
SELECT id FROM sales QUALIFY row_number() OVER () > (SELECT count(*) FROM glob('*'))
-- name: file_in_window_partition
-- code: sql_function_refused
SELECT sum(id) OVER (PARTITION BY (SELECT count(*) FROM glob('*'))) FROM sales
-- name: file_in_window_frame
-- code: sql_function_refused
SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN (SELECT count(*) FROM glob('*')) PRECEDING AND CURRENT ROW) FROM sales
-- name: file_in_window_order
-- code: sql_function_refused
SELECT sum(id) OVER w FROM sales WINDOW w AS (ORDER BY (SELECT count(*) FROM glob('*')))
-- name: file_in_lag_default
-- code: sql_function_refused
SELECT lag(id, 1, (SELECT count(*) FROM glob('*'))) OVER () FROM sales
-- name: file_in_aggregate_order
-- code: sql_function_refused
SELECT list(id ORDER BY (SELECT count(*) FROM glob('*'))) FROM sales
-- name: file_in_case
-- code: sql_function_refused
SELECT CASE WHEN true THEN 1 ELSE (SELECT count(*) FROM glob('*')) END
-- name: file_in_case_condition
-- code: sql_unknown_table
SELECT CASE WHEN EXISTS (FROM '/etc/shadow') THEN 1 END
-- name: file_in_between
-- code: sql_unknown_table
SELECT id BETWEEN 1 AND (SELECT max(a) FROM 'x.csv') FROM sales
-- name: file_in_cast
-- code: sql_unknown_table
SELECT CAST((SELECT max(a) FROM 'x.csv') AS INTEGER)
-- name: file_in_struct
-- code: sql_unknown_table
SELECT {'a': (SELECT max(a) FROM 'x.csv')}
-- name: file_in_list
-- code: sql_unknown_table
SELECT [1, (SELECT max(a) FROM 'x.csv')]
-- name: file_in_map
-- code: sql_unknown_table
SELECT MAP {'a': (SELECT max(a) FROM 'x.csv')}
-- name: file_in_slice
-- code: sql_unknown_table
SELECT [1, 2][1:(SELECT max(a) FROM 'x.csv')]
-- name: file_in_values
-- code: sql_unknown_table
VALUES (1), ((SELECT max(a) FROM 'x.csv'))
-- name: file_in_array_subquery
-- code: sql_unknown_table
SELECT ARRAY(FROM 'x.csv')
-- name: file_in_any
-- code: sql_unknown_table
SELECT 1 = ANY (SELECT a FROM 'x.csv')
-- name: file_in_lambda
-- code: sql_unknown_table
SELECT list_transform([1], x -> (SELECT max(a) FROM 'x.csv'))
-- name: function_in_lambda
-- code: sql_function_refused
SELECT list_transform(['temp_directory'], x -> current_setting(x))
-- name: function_in_lambda_keyword
-- code: sql_function_refused
SELECT list_filter(['x'], lambda x: getvariable(x) = 1)
-- name: function_in_comprehension
-- code: sql_function_refused
SELECT [current_setting(x) FOR x IN ['threads']]
-- name: function_in_columns_lambda
-- code: sql_function_refused
SELECT COLUMNS(c -> c = current_setting('schema')) FROM sales
-- name: function_in_replace
-- code: sql_function_refused
SELECT * REPLACE (current_setting('threads') AS id) FROM sales
-- name: function_in_distinct_on
-- code: sql_function_refused
SELECT DISTINCT ON (current_setting('threads')) id FROM sales
-- name: function_as_window
-- code: sql_function_refused
SELECT nextval('s') OVER () FROM sales
-- name: function_in_named_argument
-- code: sql_function_refused
SELECT struct_pack(a := current_setting('threads'))
-- name: function_in_table_function_argument
-- code: sql_function_refused
FROM range((SELECT count(*) FROM glob('*')))
-- name: function_in_unnest
-- code: sql_function_refused
FROM unnest([current_setting('threads')])
-- name: file_in_join
-- code: sql_unknown_table
SELECT * FROM sales JOIN 'x.csv' x USING (id)
-- name: file_in_join_condition
-- code: sql_unknown_table
SELECT * FROM sales s JOIN customers c ON s.id = (SELECT max(a) FROM 'x.csv')
-- name: file_in_asof
-- code: sql_unknown_table
SELECT * FROM trades ASOF JOIN 'quotes.csv' q USING (ticker, ts)
-- name: file_in_lateral
-- code: sql_unknown_table
SELECT * FROM sales s, LATERAL (SELECT * FROM 'x.csv' WHERE id = s.id)
-- name: function_in_lateral
-- code: sql_function_refused
SELECT * FROM sales s, LATERAL read_csv(s.region)
-- name: file_in_positional_join
-- code: sql_unknown_table
SELECT * FROM sales POSITIONAL JOIN 'x.csv'
-- name: file_in_semi_join
-- code: sql_unknown_table
SELECT * FROM sales SEMI JOIN 'x.csv' USING (id)
-- name: file_in_union
-- code: sql_unknown_table
SELECT 1 UNION ALL BY NAME FROM 'x.csv'
-- name: file_in_recursive_arm
-- code: sql_unknown_table
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r, 'x.csv' WHERE n < 3) FROM r
-- name: file_in_using_key_arm
-- code: sql_unknown_table
WITH RECURSIVE r(n) USING KEY (n) AS (SELECT 1 UNION SELECT n FROM 'x.csv') FROM r
-- name: file_in_cte_unused
-- code: sql_function_refused
WITH unused AS (FROM read_text('/etc/passwd')) SELECT 1
-- name: file_in_pivot_source
-- code: sql_unknown_table
PIVOT 'x.csv' ON a IN (1) USING count(*)
-- name: file_in_dynamic_pivot_source
-- code: sql_unknown_table
PIVOT 'x.csv' ON a USING count(*)
-- name: function_in_dynamic_pivot_source
-- code: sql_function_refused
PIVOT (FROM read_csv('/etc/passwd')) ON column0 USING count(*)
-- name: function_in_pivot_using
-- code: sql_function_refused
PIVOT sales ON region IN ('north') USING sum(nextval('s'))
-- name: function_in_dynamic_pivot_using
-- code: sql_function_refused
PIVOT sales ON region USING first(current_setting('threads'))
-- name: function_in_dynamic_pivot_column
-- code: sql_function_refused
PIVOT sales ON region || current_setting('threads') USING count(*)
-- name: writing_cte_of_dynamic_pivot
-- code: sql_not_a_query
WITH x AS (COPY sales TO '/tmp/x') PIVOT sales ON region USING count(*)
-- name: dynamic_pivot_then_second
-- code: sql_not_one_statement
PIVOT sales ON region USING count(*); DROP VIEW sales
-- name: dynamic_pivot_in_explain_of_file
-- code: sql_unknown_table
EXPLAIN PIVOT '/etc/passwd' ON a USING count(*)
-- name: create_table_of_dynamic_pivot
-- code: sql_construct_refused
CREATE TABLE x AS PIVOT sales ON region USING count(*)
-- name: pivot_in_subquery_values
-- code: sql_construct_refused
PIVOT sales ON region IN (SELECT region FROM sales) USING count(*)
-- name: file_in_unpivot
-- code: sql_unknown_table
UNPIVOT 'x.csv' ON a, b
-- name: summarize_cte_out_of_reach
-- code: sql_unknown_table
SUMMARIZE "x.csv"
-- name: summarize_of_query_reading
-- code: sql_unknown_table
SUMMARIZE (SELECT * FROM '/etc/passwd')
-- name: summarize_nested_in_from
-- code: sql_unknown_table
FROM (SUMMARIZE '/etc/passwd')
-- name: default_expression
-- code: sql_construct_refused
VALUES (DEFAULT)
-- name: python_variable
-- code: sql_unknown_table
SELECT * FROM connection
-- name: select_into
-- code: sql_syntax
-- status: error
SELECT * INTO x FROM sales
-- name: for_update
-- code: sql_syntax
-- status: error
SELECT * FROM sales FOR UPDATE
-- name: broken_syntax
-- code: sql_syntax
-- status: error
SELEC * FORM sales
-- name: unclosed_string
-- code: sql_syntax
-- status: error
SELECT 'abc
-- name: unclosed_comment
-- code: sql_syntax
-- status: error
SELECT 1 /* abc
-- name: copy_in_from
-- code: sql_syntax
-- status: error
SELECT * FROM (COPY sales TO '/tmp/x')
-- name: dot_command
-- code: sql_syntax
-- status: error
.shell ls
