-- one row: the number of rows of the table TABLE_NAME, and a hash over every value, which makes DuckDB read all of it
select count(*) as rows, bit_xor(hash(t)) as seen from query_table('TABLE_NAME') t
