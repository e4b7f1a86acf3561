-- one row per source and different picture of it that has places to be known by
create or replace temp table searchable as
with known as (
    select r.source, p.sha256, p.cell, p.location, p.box_left, p.box_top, p.box_width, p.box_height,
        row_number() over (partition by r.source, k.key order by p.sha256, p.cell, p.id) as place
    from pictures p
    join records r on r.id = p.id
    join pixel_keys k on k.id = p.id
    join features f on f.sha256 = p.sha256 and f.cell = p.cell and f.version = $features
    where p.detail >= $detail and octet_length(f.places) > 0
)
select * exclude (place) from known where place = 1;
