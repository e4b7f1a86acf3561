-- one row per different picture that shares its size with another: where it is, its means, whether it is decoded whole at any look (all but a JPEG is, and a tile), and whether its pixels are hashed
with seen as (
    select p.sha256, p.cell, p.location, p.box_left, p.box_top, p.box_width, p.box_height,
        f.width, f.height, f.means, f.format is distinct from 'JPEG' or p.cell > 0 as lossless, x.sha256 is not null as hashed
    from pictures p
    join fingerprints f on f.sha256 = p.sha256 and f.cell = p.cell and f.version = $fingerprint
    left join pixels x on x.sha256 = p.sha256 and x.cell = p.cell and x.version = $identity
    where p.problem is null and f.means is not null
    qualify row_number() over (partition by p.sha256, p.cell order by p.location, p.id) = 1
)
select *
from seen
window same as (partition by width, height)
qualify count(*) over same > 1 and not bool_and(hashed) over same
order by location, cell
