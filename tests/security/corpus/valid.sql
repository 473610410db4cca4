-- Queries an analyst would write.  Each must pass the gate and give what ungated DuckDB gives.

-- name: select_one
SELECT 1
-- name: trailing_semicolon
SELECT count(*) FROM sales;
-- name: two_trailing_semicolons
SELECT 1;;
-- name: leading_semicolon_comment
-- the sales
SELECT count(*) /* all of them */ FROM sales -- done
-- name: nested_block_comment
SELECT /* outer /* inner */ still */ 1 AS one
-- name: from_first
FROM sales
-- name: from_first_select
FROM sales SELECT region, sum(amount) GROUP BY region ORDER BY region
-- name: table_statement
TABLE monthly
-- name: values_list
VALUES (1, 'a'), (2, 'b')
-- name: case_of_names
select REGION from SALES where ID < 3 order by Id
-- name: schema_main
SELECT count(*) FROM main.sales
-- name: catalog_and_schema
SELECT count(*) FROM memory.main.sales
-- name: catalog_only
SELECT count(*) FROM memory.sales
-- name: column_named_user
SELECT "user" FROM customers ORDER BY id
-- name: column_named_user_bare
SELECT user FROM customers ORDER BY id
-- name: columns_named_order_and_select
SELECT "order", "select" FROM customers ORDER BY "order"
-- name: qualified_keyword_columns
SELECT c."user", c."order" FROM customers AS c WHERE c."select" ORDER BY c."order" DESC
-- name: table_named_order
SELECT * FROM "order" ORDER BY id
-- name: table_with_space_and_umlaut
SELECT "Straße", "Betrag €" FROM "Umsätze 2024" ORDER BY 1
-- name: column_with_quotes
SELECT "a ""b"" c" FROM "Umsätze 2024"
-- name: words_in_strings
SELECT 'DROP TABLE sales; COPY x TO ''/etc/passwd''' AS text, 'read_csv(' AS other
-- name: words_in_comments
SELECT 1 -- DROP TABLE sales; ATTACH 'x'
-- name: words_as_aliases
SELECT 1 AS "copy", 2 AS "attach", 3 AS "read_csv", 4 AS "insert"
-- name: backslash_literal
SELECT 'a\' AS backslash
-- name: dollar_quotes
SELECT $$it's; DROP$$ AS a, $tag$ $$ $tag$ AS b
-- name: escape_string
SELECT e'line\nnext' AS t
-- name: unicode_literals
SELECT 'Ünïcödé 🦆' AS t, length('🦆') AS n
-- name: empty_table
SELECT * FROM empty
-- name: empty_aggregate
SELECT sum(a), count(*), max(b) FROM empty
-- name: where_and_or
SELECT id FROM sales WHERE (region = 'north' OR region = 'south') AND NOT amount > 50 ORDER BY id
-- name: between_in_like
SELECT id FROM sales WHERE amount BETWEEN 20 AND 40 AND region IN ('east', 'west') AND product LIKE 'p%' ORDER BY id
-- name: not_in_not_like
SELECT count(*) FROM sales WHERE region NOT IN ('east') AND product NOT ILIKE 'P%'
-- name: similar_to_and_glob
SELECT name FROM customers WHERE name SIMILAR TO '[AB].*' OR name GLOB 'Z*' ORDER BY name
-- name: is_null_and_distinct_from
SELECT id, customer IS NULL AS missing, customer IS DISTINCT FROM 1 AS other FROM sales ORDER BY id LIMIT 10
-- name: case_expression
SELECT CASE WHEN amount > 50 THEN 'big' WHEN amount > 20 THEN 'mid' ELSE 'small' END AS size, count(*) FROM sales GROUP BY 1 ORDER BY 1
-- name: simple_case
SELECT CASE region WHEN 'north' THEN 1 ELSE 0 END AS n FROM sales ORDER BY id LIMIT 5
-- name: coalesce_nullif_ifnull
SELECT coalesce(customer, -1), nullif(region, 'north'), ifnull(customer, 0) FROM sales ORDER BY id LIMIT 8
-- name: if_and_greatest
SELECT if(amount > 30, 'y', 'n'), greatest(quantity, 3), least(amount, 20.0) FROM sales ORDER BY id LIMIT 8
-- name: distinct
SELECT DISTINCT region FROM sales ORDER BY region
-- name: distinct_on
SELECT DISTINCT ON (region) region, id FROM sales ORDER BY region, id DESC
-- name: count_distinct
SELECT count(DISTINCT region), count(customer), count(*) FROM sales
-- name: group_by_all
SELECT region, product, sum(quantity) AS n FROM sales GROUP BY ALL ORDER BY ALL
-- name: group_by_position
SELECT region, avg(amount) FROM sales GROUP BY 1 ORDER BY 2 DESC
-- name: group_by_alias
SELECT month(day) AS m, sum(amount) FROM sales GROUP BY m ORDER BY m
-- name: having
SELECT product, count(*) AS n FROM sales GROUP BY product HAVING count(*) > 5 ORDER BY n, product
-- name: grouping_sets
SELECT region, product, sum(quantity), grouping(region) FROM sales GROUP BY GROUPING SETS ((region), (product), ()) ORDER BY ALL
-- name: rollup
SELECT region, product, count(*) FROM sales GROUP BY ROLLUP (region, product) ORDER BY ALL
-- name: cube
SELECT region, product, count(*) FROM sales GROUP BY CUBE (region, product) ORDER BY ALL
-- name: aggregate_filter
SELECT count(*) FILTER (WHERE region = 'north') AS north, sum(amount) FILTER (amount > 50) AS big FROM sales
-- name: ordered_aggregates
SELECT region, string_agg(product, ',' ORDER BY id), first(id ORDER BY amount DESC), list(quantity ORDER BY id) FROM sales GROUP BY region ORDER BY region
-- name: arg_max
SELECT arg_max(product, amount), arg_min(id, amount), max_by(id, amount, 2) FROM sales
-- name: statistics
SELECT round(stddev(amount), 6), round(variance(amount), 6), round(corr(amount, quantity), 6), round(skewness(amount), 6) FROM sales
-- name: quantiles
SELECT median(amount), quantile_cont(amount, 0.9), quantile_disc(amount, [0.25, 0.75]), mode(region), mad(amount) FROM sales
-- name: within_group
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY amount), mode() WITHIN GROUP (ORDER BY region) FROM sales
-- name: regression
SELECT round(regr_slope(amount, id), 6), round(regr_intercept(amount, id), 6), round(regr_r2(amount, id), 6) FROM sales
-- name: histogram_aggregate
SELECT histogram(region) FROM sales
-- name: approximate
SELECT approx_count_distinct(region) > 0 AS some, approx_quantile(amount, 0.5) > 0 AS q FROM sales
-- name: any_value_and_bool
SELECT bool_and(amount > 0), bool_or(amount > 90), any_value(1) FROM sales
-- name: sum_of_bigint
SELECT sum(id), sum(quantity), sum(price), sum(amount) FROM sales
-- name: decimal_arithmetic
SELECT price * quantity AS total, price / 3, price::DECIMAL(10, 1) FROM sales ORDER BY id LIMIT 5
-- name: integer_division_and_modulo
SELECT 7 // 2, 7 / 2, 7 % 3, -7 // 2, 2 ** 10, 2 ^ 3
-- name: bit_operators
SELECT 5 & 3, 5 | 3, xor(5, 3), ~5, 1 << 4, 256 >> 2
-- name: math_functions
SELECT round(sqrt(2), 6), floor(1.7), ceil(1.2), abs(-3), sign(-2), round(ln(10), 6), round(exp(1), 6), mod(7, 3), pi() > 3
-- name: big_integers
SELECT 9223372036854775807 + 0, 170141183460469231731687303715884105 AS huge, factorial(20)
-- name: not_finite
SELECT * FROM numbers ORDER BY i NULLS FIRST
-- name: division_by_zero
SELECT 1 / 0, 0 / 0, isnan(f), isinf(f) FROM numbers ORDER BY i
-- name: try_cast_and_try
SELECT TRY_CAST('x' AS INTEGER), TRY(CAST('y' AS DATE)), CAST('12' AS INTEGER), '3.5'::DOUBLE
-- name: casts_to_many_types
SELECT 1::TINYINT, 2::HUGEINT, '2024-01-01'::DATE, '10:00'::TIME, 'true'::BOOLEAN, 'a'::BLOB, '101'::BIT
-- name: enum_cast
SELECT region::ENUM ('north', 'south', 'east', 'west') AS r FROM sales ORDER BY id LIMIT 4
-- name: struct_type_cast
SELECT {'a': '1', 'b': '2'}::STRUCT(a INTEGER, b DOUBLE) AS s, ['1', '2']::INTEGER[] AS l
-- name: uuid_value
SELECT '123e4567-e89b-12d3-a456-426614174000'::UUID AS u
-- name: string_functions
SELECT upper(name), lower(name), length(name), reverse(name), left(name, 2), right(name, 2), substr(name, 2, 2), trim('  x ') FROM customers ORDER BY id
-- name: string_more
SELECT replace(name, 'n', 'N'), lpad(name, 8, '*'), repeat('ab', 3), concat_ws('-', name, city), split_part('a,b,c', ',', 2), starts_with(name, 'A') FROM customers ORDER BY id
-- name: string_operators
SELECT 'a' || 'b' || 1, 'abc'[2], 'abc'[1:2], 'abc' ^@ 'ab', 'x' LIKE '_'
-- name: sql_string_syntax
SELECT substring('hello' FROM 2 FOR 3), position('l' IN 'hello'), trim(BOTH 'x' FROM 'xax'), overlay('abcdef' PLACING 'ZZ' FROM 2 FOR 2)
-- name: regular_expressions
SELECT regexp_matches(name, '^[A-C]'), regexp_extract(name, '([A-Z])(.*)', 2), regexp_replace(name, '[aeiou]', '_', 'g'), regexp_extract_all('a1b22', '[0-9]+') FROM customers ORDER BY id
-- name: regex_split
SELECT string_split('a-b-c', '-'), string_split_regex('a1b2', '[0-9]'), unnest(regexp_split_to_array('x y', ' '))
-- name: similarity
SELECT levenshtein('kitten', 'sitting'), round(jaro_winkler_similarity('martha', 'marhta'), 4), jaccard('ab', 'bc'), hamming('abc', 'abd')
-- name: hashes
SELECT md5('x'), sha256('x'), hash(1) IS NOT NULL AS h
-- name: format_and_printf
SELECT format('{:>5}|{}', 'a', 1), printf('%05d %.2f', 42, 1.5), to_base64('abc'::BLOB), hex('abc'), bar(3, 0, 10, 5)
-- name: collate
SELECT name FROM customers ORDER BY name COLLATE NOCASE
-- name: strip_accents
SELECT strip_accents('Çağla'), unicode('ä'), chr(228), ascii('a'), nfc_normalize('ä')
-- name: date_parts
SELECT year(day), month(day), dayofweek(day), date_part('quarter', day), extract(week FROM day), monthname(day), last_day(day) FROM sales ORDER BY id LIMIT 6
-- name: date_trunc_groups
SELECT date_trunc('month', day) AS m, sum(amount) FROM sales GROUP BY 1 ORDER BY 1
-- name: date_arithmetic
SELECT day + 1, day - INTERVAL 1 MONTH, day + INTERVAL '2' DAY, date_diff('day', DATE '2024-01-01', day), day - DATE '2024-01-01' FROM sales ORDER BY id LIMIT 5
-- name: interval_values
SELECT INTERVAL 3 DAYS AS i, INTERVAL '1 year 2 months' AS j, to_minutes(90) AS k
-- name: age
SELECT age(TIMESTAMP '2024-03-01', TIMESTAMP '2023-01-15') AS a
-- name: time_bucket
SELECT time_bucket(INTERVAL 6 HOUR, ts) AS b, count(*) FROM events GROUP BY b ORDER BY b
-- name: strftime_strptime
SELECT strftime(day, '%d.%m.%Y'), strptime('01/02/2024', '%d/%m/%Y'), try_strptime('x', '%Y') FROM sales ORDER BY id LIMIT 3
-- name: make_date_and_epoch
SELECT make_date(2024, 2, 29), make_timestamp(2024, 1, 2, 3, 4, 5.5), epoch(TIMESTAMP '2024-01-01'), to_timestamp(0) AS t0, epoch_ms(1000)
-- name: at_time_zone
SELECT TIMESTAMPTZ '2024-06-01 12:00:00+02' AT TIME ZONE 'Europe/Berlin' AS local, timezone('UTC', TIMESTAMP '2024-01-01') AS utc
-- name: clock_functions
-- compare: shape
SELECT now() IS NOT NULL, current_date, today(), current_timestamp
-- name: random_functions
-- compare: shape
SELECT random(), uuid(), gen_random_uuid()
-- name: current_user_keyword
SELECT current_user, current_schema, version() IS NOT NULL, typeof(1), pg_typeof('a')
-- name: row_number
SELECT id, row_number() OVER (PARTITION BY region ORDER BY amount DESC) AS rn FROM sales ORDER BY id
-- name: ranks
SELECT id, rank() OVER (ORDER BY quantity), dense_rank() OVER (ORDER BY quantity), percent_rank() OVER (ORDER BY quantity), ntile(4) OVER (ORDER BY id), cume_dist() OVER (ORDER BY quantity) FROM sales ORDER BY id
-- name: lag_lead
SELECT id, amount - lag(amount) OVER w AS change, lead(amount, 2, 0.0) OVER w FROM sales WINDOW w AS (PARTITION BY region ORDER BY day, id) ORDER BY id
-- name: running_total
SELECT id, round(sum(amount) OVER (ORDER BY day, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), 4) AS total FROM sales ORDER BY id
-- name: moving_average
SELECT id, round(avg(amount) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT ROW), 4) FROM sales ORDER BY id
-- name: range_frame
SELECT id, count(*) OVER (ORDER BY day RANGE BETWEEN INTERVAL 7 DAYS PRECEDING AND CURRENT ROW) FROM sales ORDER BY id
-- name: groups_frame
SELECT id, count(*) OVER (ORDER BY quantity GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM sales ORDER BY id
-- name: window_first_last_nth
SELECT id, first_value(id) OVER w, last_value(id) OVER w, nth_value(id, 2) OVER w FROM sales WINDOW w AS (PARTITION BY product ORDER BY id) ORDER BY id
-- name: window_ignore_nulls
SELECT id, last_value(customer IGNORE NULLS) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) FROM sales ORDER BY id
-- name: window_filter_and_distinct
SELECT id, count(*) FILTER (WHERE amount > 40) OVER (PARTITION BY region), count(DISTINCT product) OVER (PARTITION BY region) FROM sales ORDER BY id
-- name: qualify
SELECT region, id, amount FROM sales QUALIFY row_number() OVER (PARTITION BY region ORDER BY amount DESC) <= 2 ORDER BY region, amount
-- name: qualify_with_named_window
SELECT id FROM sales WINDOW w AS (PARTITION BY product ORDER BY amount) QUALIFY rank() OVER w = 1 ORDER BY id
-- name: share_of_total
SELECT region, round(100.0 * sum(amount) / sum(sum(amount)) OVER (), 3) AS share FROM sales GROUP BY region ORDER BY share DESC
-- name: inner_join
SELECT s.id, c.name FROM sales s JOIN customers c ON s.customer = c.id ORDER BY s.id
-- name: join_using
SELECT ticker, t.quantity, q.price FROM trades t JOIN quotes q USING (ticker) ORDER BY ALL
-- name: left_right_full_join
SELECT c.id, count(s.id) FROM customers c LEFT JOIN sales s ON s.customer = c.id GROUP BY c.id ORDER BY c.id
-- name: full_outer_join
SELECT a.src, b.dst FROM edges a FULL OUTER JOIN edges b ON a.dst = b.src ORDER BY ALL
-- name: cross_and_comma_join
SELECT m.name, e.src FROM monthly m, edges e WHERE e.src = 1 ORDER BY ALL
-- name: natural_join
SELECT * FROM trades NATURAL JOIN (SELECT ticker, price FROM quotes) q ORDER BY ALL
-- name: semi_and_anti_join
SELECT c.name FROM customers c ANTI JOIN sales s ON s.customer = c.id UNION ALL SELECT c.name FROM customers c SEMI JOIN sales s ON s.customer = c.id ORDER BY 1
-- name: asof_join
SELECT t.ticker, t.ts, q.price FROM trades t ASOF JOIN quotes q ON t.ticker = q.ticker AND t.ts >= q.ts ORDER BY ALL
-- name: asof_left_join_using
SELECT t.ticker, q.price FROM trades t ASOF LEFT JOIN quotes q USING (ticker, ts) ORDER BY ALL
-- name: positional_join
SELECT * FROM monthly POSITIONAL JOIN (SELECT src FROM edges LIMIT 3) e
-- name: lateral_join
SELECT c.id, x.n FROM customers c, LATERAL (SELECT count(*) AS n FROM sales s WHERE s.customer = c.id) x ORDER BY c.id
-- name: self_join
SELECT a.id, b.id FROM sales a JOIN sales b ON a.day = b.day AND a.id < b.id ORDER BY ALL
-- name: scalar_subquery
SELECT id FROM sales WHERE amount > (SELECT avg(amount) FROM sales) ORDER BY id LIMIT 5
-- name: exists_subquery
SELECT name FROM customers c WHERE EXISTS (SELECT 1 FROM sales s WHERE s.customer = c.id AND s.amount > 80) ORDER BY name
-- name: in_subquery
SELECT count(*) FROM sales WHERE customer IN (SELECT id FROM customers WHERE city = 'Köln')
-- name: any_and_all
SELECT id FROM sales WHERE amount >= ALL (SELECT amount FROM sales) OR id = ANY (SELECT src FROM edges) ORDER BY id
-- name: correlated_subquery
SELECT region, (SELECT count(*) FROM sales i WHERE i.region = o.region AND i.amount > 50) AS big FROM (SELECT DISTINCT region FROM sales) o ORDER BY region
-- name: row_comparison
SELECT count(*) FROM sales WHERE (region, product) IN (('north', 'apple'), ('south', 'pear'))
-- name: array_subquery
SELECT ARRAY(SELECT src FROM edges ORDER BY src) AS a
-- name: subquery_in_limit
SELECT id FROM sales ORDER BY id LIMIT (SELECT count(*) FROM edges) OFFSET 2
-- name: limit_percent
SELECT id FROM sales ORDER BY id LIMIT 10%
-- name: fetch_first
SELECT id FROM sales ORDER BY id OFFSET 3 ROWS FETCH FIRST 4 ROWS ONLY
-- name: order_by_nulls
SELECT customer FROM sales ORDER BY customer DESC NULLS LAST, id
-- name: order_by_expression
SELECT id FROM sales ORDER BY abs(amount - 50), id LIMIT 5
-- name: order_by_many_desc
SELECT region, product, id FROM sales ORDER BY region DESC, product DESC, day DESC, amount DESC, id DESC
-- name: positional_reference
SELECT #1 AS first, #2 AS second FROM edges ORDER BY ALL
-- name: simple_cte
WITH n AS (SELECT * FROM sales WHERE region = 'north') SELECT count(*), sum(amount) FROM n
-- name: chained_ctes
WITH a AS (SELECT region, sum(amount) AS s FROM sales GROUP BY 1), b AS (SELECT max(s) AS m FROM a) SELECT a.region FROM a, b WHERE a.s = b.m
-- name: cte_column_names
WITH a(x, y) AS (SELECT 1, 2) SELECT x + y FROM a
-- name: materialized_cte
WITH a AS MATERIALIZED (SELECT 1 AS x), b AS NOT MATERIALIZED (SELECT 2 AS y) SELECT * FROM a, b
-- name: cte_shadows_table
WITH sales AS (SELECT 1 AS only) SELECT * FROM sales
-- name: cte_over_table_of_same_name
WITH sales AS (SELECT * FROM sales WHERE id < 3) SELECT count(*) FROM sales
-- name: cte_in_subquery
SELECT * FROM (WITH x AS (SELECT 42 AS a) SELECT a FROM x) ORDER BY a
-- name: cte_case_insensitive
WITH Recent AS (SELECT max(day) AS d FROM sales) SELECT * FROM RECENT
-- name: nested_ctes
WITH a AS (WITH b AS (SELECT 1 AS x) SELECT x + 1 AS x FROM b) SELECT x FROM a
-- name: cte_in_union
WITH a AS (SELECT 1 AS x) SELECT x FROM a UNION ALL SELECT x + 1 FROM a ORDER BY 1
-- name: cte_in_expression_subquery
WITH a AS (SELECT 2 AS x) SELECT id FROM sales WHERE id = (SELECT x FROM a)
-- name: recursive_count
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 10) SELECT sum(n) FROM r
-- name: recursive_paths
WITH RECURSIVE p(src, dst, path) AS (SELECT src, dst, [src, dst] FROM edges UNION ALL SELECT p.src, e.dst, list_append(p.path, e.dst) FROM p JOIN edges e ON p.dst = e.src) SELECT * FROM p ORDER BY path
-- name: recursive_dates
WITH RECURSIVE d AS (SELECT DATE '2024-01-01' AS day UNION ALL SELECT day + 1 FROM d WHERE day < DATE '2024-01-05') SELECT d.day, count(s.id) FROM d LEFT JOIN sales s USING (day) GROUP BY 1 ORDER BY 1
-- name: recursive_with_inner_cte
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL (WITH step AS (SELECT n + 1 AS n FROM r) SELECT n FROM step WHERE n <= 4)) SELECT * FROM r ORDER BY n
-- name: recursive_using_key
WITH RECURSIVE t(k, v) USING KEY (k) AS (SELECT 1, 0 UNION SELECT k, v + 1 FROM t WHERE v < 3) SELECT * FROM t
-- name: recursive_keyword_without_recursion
WITH RECURSIVE a AS (SELECT 1 AS x) SELECT * FROM a
-- name: union_variants
SELECT region FROM sales UNION SELECT city FROM customers EXCEPT SELECT 'Paris' INTERSECT SELECT 'Paris' ORDER BY 1
-- name: union_by_name
SELECT 1 AS a, 2 AS b UNION ALL BY NAME SELECT 3 AS b, 4 AS c ORDER BY ALL
-- name: except_all
SELECT src FROM edges EXCEPT ALL SELECT dst FROM edges ORDER BY 1
-- name: star_exclude_replace_rename
SELECT * EXCLUDE (price, customer) REPLACE (upper(region) AS region) RENAME (amount AS total) FROM sales ORDER BY id LIMIT 3
-- name: qualified_star
SELECT s.*, c.name FROM sales s JOIN customers c ON c.id = s.customer ORDER BY s.id LIMIT 3
-- name: columns_regex
SELECT COLUMNS('^(jan|feb)$') FROM monthly ORDER BY 1
-- name: columns_lambda
SELECT min(COLUMNS(c -> c LIKE '%a%')) FROM monthly
-- name: columns_arithmetic
SELECT name, COLUMNS(* EXCLUDE (name)) * 2 FROM monthly ORDER BY name
-- name: columns_in_where
SELECT name FROM monthly WHERE COLUMNS(['jan', 'feb']) > 1 ORDER BY name
-- name: star_like
SELECT * LIKE '%a%' FROM monthly ORDER BY ALL
-- name: unpacked_columns
SELECT coalesce(*COLUMNS(['feb', 'jan'])) AS c FROM monthly ORDER BY 1
-- name: prefix_alias
SELECT total: amount * 2, r: region FROM sales ORDER BY 1 LIMIT 2
-- name: reused_alias
SELECT amount * 2 AS double, double + 1 AS more FROM sales WHERE double > 150 ORDER BY 1
-- name: struct_access
SELECT address.street, address['zip'], (address).zip, struct_extract(address, 'street') FROM customers ORDER BY id
-- name: struct_literals
SELECT {'a': 1, 'b': [1, 2], 'c': {'d': 'x'}} AS s, struct_pack(x := 1, y := 'z') AS p, row(1, 'a') AS r
-- name: struct_star
SELECT address.* FROM customers ORDER BY id
-- name: struct_functions
SELECT struct_insert({'a': 1}, b := 2), struct_keys({'a': 1})
-- name: list_access
SELECT tags[1], tags[-1], tags[1:1], len(tags), list_contains(tags, 'vip') FROM customers ORDER BY id
-- name: list_functions
SELECT list_sort([3, 1, 2]), list_distinct([1, 1, 2]).list_sort(), list_sum([1, 2]), list_aggregate([1, 2, 3], 'avg'), flatten([[1], [2]]), range(3), generate_series(1, 3)
-- name: list_transform_arrow
SELECT list_transform([1, 2, 3], x -> x * 2), list_filter([1, 2, 3], x -> x > 1)
-- name: list_transform_lambda
SELECT list_transform([1, 2, 3], lambda x, i: x * i), list_reduce([1, 2, 3], lambda a, b: a + b)
-- name: list_comprehension
SELECT [x * 2 FOR x IN [1, 2, 3] IF x > 1] AS l
-- name: list_zip_and_slices
SELECT list_zip([1, 2], ['a', 'b']), [1, 2, 3, 4][2:3], [1, 2, 3, 4][:2], list_slice([1, 2, 3], 1, 2)
-- name: list_operators
SELECT [1, 2] && [2, 3], [1, 2] @> [1], [1] || [2], 1 = ANY ([1, 2])
-- name: fixed_arrays
SELECT array_value(1.0, 2.0)::FLOAT[2] AS v, array_distance([1.0, 2.0]::FLOAT[2], [1.0, 4.0]::FLOAT[2]) AS d
-- name: map_values
SELECT MAP {'a': 1, 'b': 2} AS m, MAP {'a': 1}['a'], map_keys(MAP {'k': 1}), map_from_entries([('x', 1)]), cardinality(MAP {'a': 1})
-- name: union_values
SELECT union_value(n := 1) AS u, union_tag(union_value(n := 1)) AS tag
-- name: unnest_list
SELECT id, unnest(tags) AS tag FROM customers ORDER BY ALL
-- name: unnest_in_from
SELECT c.id, t.tag FROM customers c, unnest(c.tags) AS t(tag) ORDER BY ALL
-- name: unnest_struct
SELECT unnest({'a': 1, 'b': 'x'}), unnest([{'c': 1}], recursive := true)
-- name: unnest_with_ordinality
SELECT * FROM unnest(['a', 'b']) WITH ORDINALITY AS t(v, n)
-- name: range_table_function
SELECT sum(i) FROM range(100) t(i)
-- name: generate_series_dates
SELECT * FROM generate_series(DATE '2024-01-01', DATE '2024-01-03', INTERVAL 1 DAY) t(d)
-- name: repeat_table_function
SELECT * FROM repeat('x', 3)
-- name: json_extraction
SELECT payload ->> '$.page' AS page, json_extract(payload, '$.n')::INTEGER AS n, payload::JSON -> 'tags' ->> 0 AS tag FROM events ORDER BY id LIMIT 5
-- name: json_functions
SELECT json_type('[1]'), json_array_length('[1, 2]'), json_keys('{"a": 1}'), json_object('k', 1), to_json({'a': 1}), json_valid('{')
-- name: json_transform
SELECT json_transform('{"a": 1}', '{"a": "INTEGER"}'), from_json('[1, 2]', '["INTEGER"]')
-- name: json_each_table
SELECT key, value FROM json_each('{"a": 1, "b": [2]}')
-- name: json_lateral
SELECT e.id, j.key FROM events e, json_each(e.payload) j WHERE e.id < 2 ORDER BY ALL
-- name: method_chaining
SELECT name.upper().left(2), 'a,b'.string_split(',').len() FROM customers ORDER BY id
-- name: qualified_function
SELECT main.abs(-1), system.main.upper('x')
-- name: quoted_function
SELECT "abs"(-2), "SUM"(id) FROM sales
-- name: pivot_static
PIVOT sales ON region IN ('north', 'south') USING sum(quantity) GROUP BY product ORDER BY product
-- name: pivot_static_aliases
PIVOT sales ON region IN ('north' AS n, 'south' AS s) USING sum(quantity) AS q, count(*) AS c GROUP BY product ORDER BY product
-- name: pivot_sql_standard
SELECT * FROM (SELECT region, product, quantity FROM sales) PIVOT (sum(quantity) FOR region IN ('north', 'south')) ORDER BY product
-- name: pivot_dynamic
PIVOT sales ON region USING sum(quantity) GROUP BY product ORDER BY product
-- name: pivot_dynamic_all_rest
PIVOT (SELECT region, product, quantity FROM sales) ON region USING sum(quantity) ORDER BY product
-- name: pivot_dynamic_numbers
PIVOT sales ON quantity USING count(*) GROUP BY region ORDER BY region
-- name: pivot_dynamic_dates
PIVOT (FROM sales WHERE id < 6) ON day USING sum(amount) GROUP BY product ORDER BY product
-- name: pivot_dynamic_expression
PIVOT sales ON month(day) USING sum(quantity) GROUP BY region ORDER BY region
-- name: pivot_dynamic_concatenation
PIVOT sales ON region || '_' || product USING count(*) GROUP BY quantity ORDER BY quantity
-- name: pivot_dynamic_two_columns
PIVOT sales ON region, product USING sum(quantity) GROUP BY quantity ORDER BY quantity
-- name: pivot_dynamic_mixed_with_static
PIVOT sales ON region IN ('north'), product USING sum(quantity) GROUP BY quantity ORDER BY quantity
-- name: pivot_dynamic_over_cte
WITH big AS (SELECT * FROM sales WHERE amount > 40) PIVOT big ON region USING count(*) GROUP BY product ORDER BY product
-- name: pivot_dynamic_in_cte
WITH p AS (PIVOT sales ON region USING sum(quantity) GROUP BY product) SELECT * FROM p ORDER BY product
-- name: pivot_dynamic_in_from
FROM (PIVOT sales ON region USING sum(quantity) GROUP BY product) ORDER BY product
-- name: pivot_dynamic_twice
SELECT * FROM (PIVOT sales ON region USING sum(quantity) GROUP BY product) JOIN (PIVOT sales ON quantity USING count(*) GROUP BY product) USING (product) ORDER BY product
-- name: pivot_dynamic_of_pivot
PIVOT (PIVOT (SELECT region, product, quantity FROM sales) ON region USING sum(quantity)) ON product USING first(north)
-- name: pivot_dynamic_quotes_in_values
PIVOT customers ON name USING count(*) GROUP BY city ORDER BY city
-- name: pivot_dynamic_join
PIVOT (SELECT c.name, s.region FROM sales s JOIN customers c ON s.customer = c.id) ON region USING count(*) GROUP BY name ORDER BY name
-- name: pivot_with_comment
PIVOT sales /* ON nothing */ ON region -- IN ('x')
USING sum(quantity) GROUP BY product ORDER BY product
-- name: unpivot
UNPIVOT monthly ON jan, feb, mar INTO NAME month VALUE n ORDER BY ALL
-- name: unpivot_columns
UNPIVOT monthly ON COLUMNS(* EXCLUDE (name)) INTO NAME month VALUE n ORDER BY ALL
-- name: unpivot_sql_standard
SELECT * FROM monthly UNPIVOT (n FOR month IN (jan, feb, mar)) ORDER BY ALL
-- name: unpivot_include_nulls
SELECT * FROM monthly UNPIVOT INCLUDE NULLS (n FOR month IN (jan, feb)) ORDER BY ALL
-- name: summarize_table
SUMMARIZE monthly
-- name: summarize_query
SUMMARIZE SELECT amount, region FROM sales
-- name: summarize_quoted
SUMMARIZE "Umsätze 2024"
-- name: summarize_in_from
SELECT column_name, "min", "max" FROM (SUMMARIZE monthly) ORDER BY column_name
-- name: summarize_cte_in_from
WITH x AS (SELECT 1 AS a) FROM (SUMMARIZE x)
-- name: describe_table
DESCRIBE sales
-- name: describe_query
DESCRIBE SELECT region, sum(amount) FROM sales GROUP BY 1
-- name: describe_in_from
SELECT column_name FROM (DESCRIBE customers) ORDER BY 1
-- name: desc_quoted
DESC "order"
-- name: show_tables
SHOW TABLES
-- name: show_one_table
SHOW sales
-- name: explain
-- compare: shape
EXPLAIN SELECT region, sum(amount) FROM sales GROUP BY region
-- name: explain_analyze
-- compare: shape
EXPLAIN ANALYZE SELECT count(*) FROM sales
-- name: explain_json
-- compare: shape
EXPLAIN (FORMAT json) SELECT count(*) FROM sales
-- name: explain_from
-- compare: shape
EXPLAIN FROM sales
-- name: explain_parenthesis
-- compare: shape
EXPLAIN (SELECT 1)
-- name: explain_pivot
-- compare: shape
EXPLAIN PIVOT sales ON region USING sum(quantity)
-- name: sample_rows
-- compare: shape
SELECT id FROM sales USING SAMPLE 10 ROWS
-- name: table_sample_repeatable
SELECT count(*) <= 60 AS ok FROM sales TABLESAMPLE reservoir(50%) REPEATABLE (42)
-- name: values_in_from
SELECT * FROM (VALUES (1, 'x'), (2, 'y')) v(a, b) WHERE a > 1
-- name: aliases_of_columns
SELECT s.a FROM (SELECT 1, 2) AS s(a, b)
-- name: parenthesised_query
(SELECT 1 AS a) UNION ALL (SELECT 2) ORDER BY a
-- name: duplicate_columns
SELECT 1 AS a, 2 AS a, 3 AS a
-- name: long_in_list
SELECT count(*) FROM sales WHERE id IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20)
-- name: time_to_convert
SELECT session, max(ts) - min(ts) AS took, count(*) FILTER (WHERE kind = 'buy') AS buys FROM events GROUP BY session ORDER BY session
-- name: sessions_by_gap
WITH g AS (SELECT *, CASE WHEN ts - lag(ts) OVER (PARTITION BY session ORDER BY ts) > INTERVAL 3 HOUR THEN 1 ELSE 0 END AS new FROM events) SELECT session, sum(new) + 1 AS visits FROM g GROUP BY session ORDER BY session
-- name: cohort_retention
WITH firsts AS (SELECT customer, min(date_trunc('month', day)) AS cohort FROM sales WHERE customer IS NOT NULL GROUP BY 1) SELECT f.cohort, date_diff('month', f.cohort, s.day) AS age, count(DISTINCT s.customer) FROM sales s JOIN firsts f USING (customer) GROUP BY ALL ORDER BY ALL
-- name: top_n_per_group
SELECT region, list(product ORDER BY total DESC)[:2] FROM (SELECT region, product, sum(amount) AS total FROM sales GROUP BY ALL) GROUP BY region ORDER BY region
-- name: gaps_and_islands
SELECT min(id), max(id), count(*) FROM (SELECT id, id - row_number() OVER (ORDER BY id) AS island FROM sales WHERE id % 10 <> 0) GROUP BY island ORDER BY 1
-- name: cumulative_distinct
SELECT id, len(list_distinct(list(product) OVER (ORDER BY id))) AS kinds FROM sales ORDER BY id LIMIT 5
-- name: percent_change
SELECT m, total, round(100 * (total / lag(total) OVER (ORDER BY m) - 1), 2) AS change FROM (SELECT date_trunc('month', day) AS m, sum(amount) AS total FROM sales GROUP BY 1) ORDER BY m
-- name: constant_folding_names
SELECT 'x' IN ('x', 'y') AS found, NOT true AS no, NULL IS NULL AS missing
