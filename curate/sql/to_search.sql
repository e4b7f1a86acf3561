-- one row per different picture that has places to be known by, and whether it was never compared with the rest
with known as (
    select p.id, p.sha256, p.cell, p.location, p.box_left, p.box_top, p.box_width, p.box_height, f.places,
        s.sha256 is null as is_new,
        row_number() over (partition by p.pixels_sha256 order by p.id) as place
    from pictures p
    join features f on f.sha256 = p.sha256 and f.cell = p.cell and f.version = $features
    left join searched s on s.sha256 = p.sha256 and s.cell = p.cell and s.version = $nearness
    where p.problem is null and p.pixels_sha256 is not null and p.detail >= $detail and octet_length(f.places) > 0
)
select * exclude (place) from known where place = 1 order by sha256, cell
