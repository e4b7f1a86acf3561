-- one row per record that has a picture: what is known of its bytes, and where they are
create or replace table pictures as
select r.id, r.location, m.sha256, m.bytes, r.cell,
    t.box_left, t.box_top, t.box_width, t.box_height,
    f.width, f.height, f.format, f.mode, f.pixels_sha256, f.phash, f.dhash, f.detail,
    a.* exclude (sha256, cell, version),
    case when m.problem is not null or f.problem is not null then 'unreadable picture' end as problem,
    coalesce(m.problem, f.problem) as problem_detail
from records r
join members m on m.location = r.location
left join tiles t on r.cell > 0 and t.sha256 = m.sha256 and t.cell = r.cell and t.version = $montage
left join fingerprints f on f.sha256 = m.sha256 and f.cell = r.cell and f.version = $fingerprint
left join appearance a on a.sha256 = m.sha256 and a.cell = r.cell and a.version = $appearance
where r.problem is distinct from 'sheet unreadable' or r.cell > 0
order by r.id;
