-- one row per record that has a picture: what is known of its bytes, and where they are
create or replace table pictures as
with masked as (
    -- bytes for which some source gives a lesion mask that could be used: that one tells lesion from skin
    select k.* exclude (mask, version, problem),
        row_number() over (partition by k.sha256 order by k.mask) as place
    from (
        select distinct m.sha256, l.sha256 as mask
        from claims c
        join members m on m.location = c.location
        join members l on l.location = c.mask_location
    ) given
    join masked_tones k on k.sha256 = given.sha256 and k.mask = given.mask and k.version = $appearance and k.problem is null
),
tones as (
    select sha256, 0 as cell, tone_ita_deg, tone_ita_confidence, tone_ita_share, tone_ita_method from masked where place = 1
    union all
    select sha256, cell, tone_ita_deg, tone_ita_confidence, tone_ita_share, tone_ita_method
    from appearance a
    where version = $appearance and not (cell = 0 and sha256 in (select sha256 from masked))
)
select r.id, r.location, m.sha256, m.bytes, r.cell,
    t.box_left, t.box_top, t.box_width, t.box_height,
    f.width, f.height, f.format, f.mode, f.phash, f.dhash, f.detail,
    s.tone_ita_deg, b.class as tone_ita_class, s.tone_ita_confidence, s.tone_ita_share, s.tone_ita_method,
    a.ruler, a.ink, a.vignette, a.hair, a.highlight, a.border, a.blur, a.exposure, a.text,
    case when m.problem is not null or f.problem is not null then 'unreadable picture' end as problem,
    coalesce(m.problem, f.problem) as problem_detail
from records r
join members m on m.location = r.location
left join tiles t on r.cell > 0 and t.sha256 = m.sha256 and t.cell = r.cell and t.version = $montage
left join fingerprints f on f.sha256 = m.sha256 and f.cell = r.cell and f.version = $fingerprint
left join appearance a on a.sha256 = m.sha256 and a.cell = r.cell and a.version = $appearance
left join tones s on s.sha256 = m.sha256 and s.cell = r.cell
left join tone_bounds b on s.tone_ita_deg > b.above and s.tone_ita_deg <= b.up_to and s.tone_ita_confidence >= b.least_confidence
where r.problem is distinct from 'sheet unreadable' or r.cell > 0
order by r.id;
