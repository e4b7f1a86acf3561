-- one row per pair of records of which both pictures were looked at, and evidence: score, the bound from which they are one (none: never), whether they are of one lesion though two photographs, and the evidence in words
create or replace table near_pairs as
with seen as (
    -- one record for the same bytes: its copies hang on it already
    select sha256, cell, min(id) as id from pictures where problem is null group by all
),
found as (
    select c.first, c.second, l.agreement as score, false as by_places,
        'perceptual hashes differ in ' || c.distance || ' of 64 bits; the second look agrees to '
            || printf('%.4f', l.agreement) as evidence
    from candidates c
    join pictures a on a.id = c.first
    join pictures b on b.id = c.second
    join looks l
        on l.first_sha256 = a.sha256 and l.first_cell = a.cell
        and l.second_sha256 = b.sha256 and l.second_cell = b.cell and l.version = $look
    where $use_near
    union
    select a.id, b.id, o.score, true,
        o.places || ' places agree' || case when o.mirrored then ', mirrored' else '' end
            || printf(', turned by %.0f degrees, scaled by %.2f, %.0f %% of the picture in common; ', o.turned_deg, o.grown, 100 * o.share)
            || printf('laid on each other they agree to %.4f', o.agreement)
    from aligned o
    join seen a on a.sha256 = o.first_sha256 and a.cell = o.first_cell
    join seen b on b.sha256 = o.second_sha256 and b.cell = o.second_cell
    where $use_near and $use_places and o.places >= $near_places and a.id <> b.id
)
select least(n.first, n.second) as first, greatest(n.first, n.second) as second, n.by_places, n.score,
    case
        -- photographs taken one after the other, of one lesion or side by side on one sheet: in the same frame only a
        -- copy agrees so far, but where one was taken from nearer, nothing tells it from a part of the other
        when c.one_sitting then case when n.by_places then null else $near_agreement_in_lesion end
        when n.by_places then $near_overlap
        else $near_agreement
    end as bound,
    c.one_sitting and n.score >= case when n.by_places then $near_overlap else $near_agreement end as is_kin,
    n.evidence
from found n
join records r on r.id = n.first
join records s on s.id = n.second
join sources t on t.source = r.source
join sources u on u.source = s.source,
lateral (
    select coalesce((t.namespace = u.namespace and r.lesion_id = s.lesion_id) or (r.location = s.location and r.cell <> s.cell), false)
) as c(one_sitting)
order by 1, 2, 3, 7;
