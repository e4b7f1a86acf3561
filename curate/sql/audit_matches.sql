-- one row per name in the file: the picture and the records that it means, or why none; the most literal reading that is known wins
create or replace temp table audit_matches as
with said as (
    select distinct name from audited where name <> ''
),
cut as (
    select name, whole, regexp_replace(whole, '\.(jpe?g|png|bmp|tiff?|webp|gif|dcm)$', '') as stem
    from (select name, lower(replace(name, '\', '/')) as whole from said)
),
based as (
    -- a bare number without its folder names nothing: it may be a tile, or a file of any collection
    select name, whole, stem, case when regexp_matches(stem, '[a-z][^/]*$') then regexp_extract(stem, '[^/]+$') end as base
    from cut
),
readings as (
    select name, unnest([whole, stem, base, regexp_replace(stem, '_downsampled$', ''), regexp_replace(base, '_downsampled$', '')]) as reading,
        unnest([1, 2, 3, 4, 5]) as place
    from based
),
known as (
    select r.name, r.place, n.id, n.picture, n.source
    from readings r
    join audit_names n on n.name = r.reading
    qualify r.place = min(r.place) over (partition by r.name)
),
decided as (
    select name, min(picture) as picture, count(distinct picture) as pictures, list_sort(list_distinct(list(source))) as sources,
        list_sort(list_distinct(list(id))) as records
    from known
    group by name
)
select b.name,
    case when d.pictures = 1 then d.picture else 'unknown:' || b.stem end as picture,
    case when d.pictures = 1 then d.sources else [] end as sources,
    case when d.pictures = 1 then d.records else [] end as records,
    case when d.name is null then 'not known here' when d.pictures > 1 then 'means pictures of several sources' end as problem
from based b
left join decided d on d.name = b.name;
