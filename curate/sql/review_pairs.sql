-- one row per pair that only its look speaks for or against, undecided, the most doubtful first: what is made of it now (one picture, two, or two of one family), and why
with seen as (
    -- of several looks at one pair the one that speaks most for it
    select first, second, max(score) as score, max((score - bound) / greatest(1 - bound, 0.001)) as above,
        max((score - kin_bound) / greatest(1 - kin_bound, 0.001)) as above_kin,
        -- of one lesion by their look alone; a source that claims it needs no look, nor does what is as good as equal
        coalesce(bool_or(is_kin), false) and max(sitting) is distinct from 'lesion' and max(score) < $kin_sure as is_kin,
        string_agg(evidence, '; ' order by evidence) as evidence
    from near_pairs
    group by first, second
),
judged as (
    select n.first, n.second, case when e.first is not null then 'one' when n.is_kin then 'family' else 'two' end as taken,
        n.score, n.evidence, abs(case when e.first is null and n.is_kin then n.above_kin else n.above end) as distance
    from seen n
    left join edges e on e.first = n.first and e.second = n.second and e.kind = 'near'
    where not exists (select 1 from edges o where o.first = n.first and o.second = n.second and o.kind <> 'near')
),
open as (
    -- far below the bound there is no doubt (and none where there is no bound); above it, every pair that nothing else
    -- speaks for is one for a person
    select * from judged j
    where (j.taken in ('one', 'family') or j.distance <= $doubt)
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
