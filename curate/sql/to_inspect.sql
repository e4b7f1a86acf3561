-- one row per file that a source claims and whose bytes lack a fact; for a picture with a lesion mask, where that is
select c.location, 'picture' as layout, c.mask_location
from (select location, min(mask_location) as mask_location from claims where location is not null group by location) c
left join members m on m.location = c.location
left join fingerprints f on f.sha256 = m.sha256 and f.cell = 0 and f.version = $fingerprint
left join features p on p.sha256 = m.sha256 and p.cell = 0 and p.version = $features
left join appearance a on a.sha256 = m.sha256 and a.cell = 0 and a.version = $appearance
left join members l on l.location = c.mask_location
left join masked_tones k on k.sha256 = m.sha256 and k.mask = l.sha256 and k.version = $appearance
where f.problem is null and (
    m.location is null
    or (m.sha256 is not null and (f.sha256 is null or a.sha256 is null or (p.sha256 is null and $by_places)))
    or (m.sha256 is not null and c.mask_location is not null
        and (l.location is null or (l.sha256 is not null and k.sha256 is null)))
)
union all
select s.location, s.layout, null
from sheets s
left join members m on m.location = s.location
left join sheets_cut k on k.sha256 = m.sha256 and k.layout = s.layout and k.version = $montage
where m.location is null
    or (m.sha256 is not null and k.sha256 is null)
    or (m.sha256 is not null and exists (
        select 1 from tiles t
        left join fingerprints f on f.sha256 = t.sha256 and f.cell = t.cell and f.version = $fingerprint
        left join features p on p.sha256 = t.sha256 and p.cell = t.cell and p.version = $features
        left join appearance a on a.sha256 = t.sha256 and a.cell = t.cell and a.version = $appearance
        where t.sha256 = m.sha256 and t.version = $montage and t.kind = 'picture'
            and (f.sha256 is null or (f.problem is null and (a.sha256 is null or (p.sha256 is null and $by_places))))
    ))
order by 1, 2
