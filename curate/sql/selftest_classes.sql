-- one row per number: how often each source gives each label, in its own words, the most frequent first
with counted as (
    select source, published_split, source_label, count(*) as pictures
    from records
    where source_label is not null
    group by all
)
select 'L.' || source || coalesce('.' || published_split, '') as id,
    string_agg(source_label || ' ' || format('{:,}', pictures), ', ' order by pictures desc, source_label) as ours
from counted
where source <> 'severance'
group by source, published_split
union all
select 'L.isic_2020.melanoma', format('{:,} of {:,}', count(*) filter (source_label = 'melanoma'), count(*))
from records
where source = 'isic_2020' and published_split = 'train'
union all
select 'L.severance',
    format('{:,} / {:,} / {:,}', count(*), count(distinct c.source_label), count(*) filter (coalesce(t.category, m.category) = 'malignant'))
from cases c
left join label_map m on m.source = c.source and m.source_label = c.source_label
left join taxonomy t on t.subtype = m.subtype
where c.source = 'severance'
