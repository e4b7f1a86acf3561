-- one row per record that surely shows the photograph of an earlier one: they carry one id, or have the same bytes or pixels
with shown as (
    select 'id ' || s.namespace || ':' || r.isic_id as key, r.id
    from records r join sources s using (source)
    where r.isic_id is not null
    union all
    select 'bytes ' || sha256 || '/' || cell, id from pictures where problem is null and sha256 is not null
    union all
    select 'pixels ' || key, id from pixel_keys
),
grouped as (
    select min(id) over (partition by key) as first, id as second from shown
)
select distinct first, second from grouped where first <> second order by 1, 2
