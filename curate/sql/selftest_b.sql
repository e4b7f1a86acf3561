-- one row per number: how the years of the ISIC challenges share ids
with ours as (
    select right(source, 4) || ' ' || published_split as part, image_id, isic_id
    from records
    where source in ('isic_2016', 'isic_2017', 'isic_2018', 'isic_2019', 'isic_2020')
),
train19 as (select distinct isic_id from ours where part = '2019 train'),
raw19 as (select distinct image_id from ours where part = '2019 train'),
train17 as (select distinct isic_id from ours where part = '2017 train'),
shared as (select part, count(*) as ids from ours where isic_id in (from train19) group by part),
year16 as (
    select count(*) filter (isic_id in (from train17)) as in_2017, count(*) filter (isic_id in (from raw19)) as in_raw,
        count(*) filter (isic_id in (from train19)) as in_any
    from ours
    where part = '2016 train'
)
select 'B1' as id,
    (select string_agg(format('{:,}', coalesce(s.ids, 0)), ' / ' order by p.place)
        from (values (1, '2017 train'), (2, '2017 validation'), (3, '2018 train'), (4, '2016 test'), (5, '2017 test')) as p(place, part)
        left join shared s on s.part = p.part) as ours
union all
select 'B2', (select format('{:,}', count(*)) from ours where part = '2016 test' and isic_id in (from train17))
union all
select 'B3', (select format('{:,} / {:,} / {:,}', in_2017, in_raw, in_any) from year16)
union all
select 'B4', (select format('{:,} / {:,} / {:,}', count(*), count(distinct image_id), count(distinct isic_id)) from ours where part like '%train')
