-- one row per record: its id
select id from records order by id
