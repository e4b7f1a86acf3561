-- one row per picture that was decoded: what its pixels are known by, the same for equal ones; the hash of the pixels where another file here has them too, else the bytes it comes from, whatever is known besides
create or replace table pixel_keys as
with seen as (
    select p.id, 'bytes ' || p.sha256 || case when p.cell > 0 then '/' || p.cell else '' end as own, x.pixels_sha256
    from pictures p
    left join pixels x on x.sha256 = p.sha256 and x.cell = p.cell and x.version = $identity and $by_pixels
    where p.problem is null and p.phash is not null
),
shared as (
    select pixels_sha256 from seen where pixels_sha256 is not null group by pixels_sha256 having min(own) <> max(own)
)
select s.id, case when h.pixels_sha256 is not null then s.pixels_sha256 else s.own end as key
from seen s
left join shared h on h.pixels_sha256 = s.pixels_sha256
order by s.id;
