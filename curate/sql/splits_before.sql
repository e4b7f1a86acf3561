-- one row per record: its split before this run
create or replace temp table splits_before as select id, split from splits;
