-- one row per table that is stored in the database
select table_name from duckdb_tables() where not internal and not temporary order by table_name
