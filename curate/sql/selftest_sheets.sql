-- one row per number: the pictures on the sheets
select 'L.asan.tiles' as id,
    format('{:,} / {:,}', count(*) filter (published_split = 'train'), count(*) filter (published_split = 'test')) as ours
from records
where source = 'asan' and cell > 0
union all
select 'L.hallym.tiles', format('{:,}', count(*)) from records where source = 'hallym' and cell > 0
union all
select 'L.severance.tiles', format('{:,}', count(*)) from records where source = 'severance' and cell > 0
