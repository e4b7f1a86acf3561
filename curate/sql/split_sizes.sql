-- one row per split
select split, count(*) as pictures from corpus group by split order by list_position(['train', 'validation', 'test'], split)
