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
    select name, whole, stem, case when regexp_matches(stem, '[a-z][^/]*$') then regexp_extract(stem, '[^/]+$') end as base,
        case when regexp_matches(stem, '[a-z][^/]*$') and contains(whole, '/') then regexp_extract(whole, '[^/]+$') end as file
    from cut
),
readings as (
    select name,
        unnest([whole, stem, file, base, regexp_replace(stem, '_downsampled$', ''), regexp_replace(base, '_downsampled$', '')]) as reading,
        unnest([10, 20, 30, 40, 50, 60]) as place
    from based
),
known as (
    select r.name, n.id, n.picture, n.source
    from readings r
    join audit_names n on n.name = r.reading
    qualify r.place + n.shortened = min(r.place + n.shortened) over (partition by r.name)
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
    case when d.name is null then 'not known here' when d.pictures > 1 and len(d.sources) > 1 then 'means pictures of several sources'
        when d.pictures > 1 then 'means several pictures of ' || d.sources[1] end as problem
from based b
left join decided d on d.name = b.name;
