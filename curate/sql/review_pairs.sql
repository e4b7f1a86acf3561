-- one row per pair that only its look speaks for or against, undecided, the most doubtful first: what is made of it now, and why
with bounds as (
    select r.first, r.second,
        case when a.source = b.source and a.lesion_id = b.lesion_id then $near_agreement_in_lesion else $near_agreement end as bound
    from (select first, second from edges where kind = 'near' union select first, second from candidates) r
    join records a on a.id = r.first
    join records b on b.id = r.second
),
joined as (
    select e.first, e.second, 'one' as taken, e.score, e.evidence
    from edges e
    where e.kind = 'near'
        and not exists (select 1 from edges o where o.first = e.first and o.second = e.second and o.kind <> 'near')
),
refused as (
    select c.first, c.second, 'two' as taken, l.agreement as score,
        'perceptual hashes differ in ' || c.distance || ' of 64 bits; the second look agrees to '
            || printf('%.4f', l.agreement) as evidence
    from candidates c
    join pictures a on a.id = c.first
    join pictures b on b.id = c.second
    join looks l
        on l.first_sha256 = a.sha256 and l.first_cell = a.cell
        and l.second_sha256 = b.sha256 and l.second_cell = b.cell and l.version = $fingerprint
    where $use_near
        and not exists (
            select 1 from edges e
            where e.first = least(c.first, c.second) and e.second = greatest(c.first, c.second)
        )
),
judged as (
    select j.*, abs(j.score - b.bound) / greatest(1 - b.bound, 0.001) as distance
    from (select * from joined union all select * from refused) j
    join bounds b on b.first = j.first and b.second = j.second
),
open as (
    -- far below the bound there is no doubt; above it, every pair that nothing else speaks for is one for a person
    select * from judged j
    where (j.taken = 'one' or j.distance <= $doubt)
        and not exists (
            select 1 from decisions d
            where d.decision in ('accept', 'reject')
                and least(d.first, d.second) = least(j.first, j.second)
                and greatest(d.first, d.second) = greatest(j.first, j.second)
        )
)
select o.first, o.second, o.taken, o.score, o.evidence, o.distance,
    a.location as first_location, a.sha256 as first_sha256, a.cell as first_cell, a.box_left as first_box_left,
    a.box_top as first_box_top, a.box_width as first_box_width, a.box_height as first_box_height,
    a.width as first_width, a.height as first_height, ra.source_label as first_label, ra.lesion_id as first_lesion,
    b.location as second_location, b.sha256 as second_sha256, b.cell as second_cell, b.box_left as second_box_left,
    b.box_top as second_box_top, b.box_width as second_box_width, b.box_height as second_box_height,
    b.width as second_width, b.height as second_height, rb.source_label as second_label, rb.lesion_id as second_lesion
from open o
join pictures a on a.id = o.first
join pictures b on b.id = o.second
join records ra on ra.id = o.first
join records rb on rb.id = o.second
order by o.distance, o.first, o.second
