-- one row per number: the clean-up of Cassidy et al. 2022, replayed from ids and the official list of 2020 alone
with ours as (
    select right(source, 4)::integer as year, published_split as split, image_id, isic_id, not image_id like '%\_downsampled' escape '\' as is_raw
    from records
    where source in ('isic_2016', 'isic_2017', 'isic_2018', 'isic_2019', 'isic_2020')
),
training as (select * from ours where split = 'train'),
tests as (select isic_id from ours where split = 'test' and year in (2016, 2017)),
train_of as (select year, isic_id, is_raw from training),
redundant as (
    select year, image_id
    from training t
    where (year = 2019 and not is_raw and (
            isic_id in (from tests) or isic_id in (select isic_id from train_of where year in (2016, 2017))))
        or (year = 2016 and (isic_id in (from tests) or isic_id in (select isic_id from train_of where year = 2017)))
        or (year in (2016, 2017) and (
            isic_id in (from tests) or isic_id in (select isic_id from train_of where year = 2019 and is_raw)))
        or (year = 2018 and isic_id in (select isic_id from train_of where year = 2019))
        or (year = 2019 and is_raw and isic_id in (from tests))
        or (year = 2020 and image_id in (select first from listed_pairs where source = 'isic_2020'))
),
listed as (
    select distinct year::integer as year, image as image_id, split, list from cassidy
),
removed as (
    select t.year, t.image_id, r.image_id is not null as is_redundant
    from training t
    semi join (select * from listed where split = 'train') l on l.year = t.year and l.image_id = t.image_id
    left join redundant r on r.year = t.year and r.image_id = t.image_id
),
removed_tests as (
    select o.year from ours o semi join (select * from listed where list::integer = 12) l on l.year = o.year and l.image_id = o.image_id
    where o.split = 'test'
),
years as (
    select y.year, count(*) as pictures, (select count(*) from removed r where r.year = y.year) as gone
    from training y
    group by y.year
)
select 'A1' as id,
    format('{:,} / {:,} / {:,}', (select count(*) from redundant), (select count(*) from removed where is_redundant),
        (select count(*) from redundant) - (select count(*) from removed where is_redundant)) as ours,
    []::varchar[] as names
union all
select 'A2', (select string_agg(format('{:,}', gone), ' / ' order by year) || format(' / {:,}', sum(gone)::bigint) from years), []
union all
select 'A2.remaining',
    (select string_agg(format('{:,}', pictures - gone), ' / ' order by year) || format(' / {:,}', sum(pictures - gone)::bigint) from years), []
union all
select 'A2.bytes', format('{:,}', count(*)), list(image_id order by image_id) from removed where not is_redundant
union all
select 'A3',
    format('{:,} / {:,} / {:,} / {:,}', count(*), count(*) filter (year = 2017), count(*) filter (year = 2018),
        count(*) filter (year = 2020)), []
from removed_tests
