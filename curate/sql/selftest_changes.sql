-- one row per number: labels that changed between the years of the ISIC challenges
with ours as (
    select right(source, 4)::integer as year, published_split as split, isic_id, source_label as label
    from records
    where source in ('isic_2016', 'isic_2017', 'isic_2018', 'isic_2019') and source_label is not null
),
later as (
    select o.year, o.split, o.isic_id, o.label, n.label as label_2019
    from ours o
    join ours n on n.year = 2019 and n.isic_id = o.isic_id
    where o.year in (2017, 2018)
),
akiec as (
    select p.place, count(*) filter (l.label_2019 = 'AK') as ak, count(*) filter (l.label_2019 = 'SCC') as scc
    from (values (1, 'train'), (2, 'validation'), (3, 'test')) as p(place, split)
    left join later l on l.split = p.split and l.year = 2018 and l.label = 'AKIEC'
    group by p.place
),
turned as (
    select distinct a.isic_id
    from ours a
    join ours b on b.isic_id = a.isic_id and b.year > 2016 and b.label in ('melanoma', 'MEL')
    where a.year = 2016 and a.label in ('benign', '0.0')
),
words as (select distinct year, label || ' ' || label_2019 as change, label <> label_2019 as is_another from later)
select 'M.akiec' as id, (select string_agg(ak || ' + ' || scc, ' / ' order by place) from akiec) as ours
union all
select 'M.benign', (select string_agg(isic_id, ', ' order by isic_id) from turned)
union all
select 'M.2017', (select string_agg(change, ', ' order by change) from words where year = 2017)
union all
select 'M.2018', (select string_agg(change, ', ' order by change) from words where year = 2018 and is_another)
