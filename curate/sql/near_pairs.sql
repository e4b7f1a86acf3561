-- one row per pair of records of which both pictures were looked at, and evidence: score, the bound from which they are one (none: never), at what sitting they are two photographs (of one lesion, on one sheet; none: at none), the bound from which they are of one family, whether they are, and the evidence in words
create or replace table near_pairs as
with stands as (
    -- one record for the same pixels: its copies hang on it already; where nothing else joins them, each for itself
    select id, p.sha256, p.cell, k.key
    from pictures p
    join pixel_keys k using (id)
    qualify row_number() over (
        partition by case when $use_same_pixels then k.key when $use_same_bytes and p.cell = 0 then p.sha256 else id end
        order by id
    ) = 1
),
decoded as (
    select distinct p.sha256, p.cell, k.key from pictures p join pixel_keys k using (id)
),
laid as (
    -- the turn and the size are told from the first by id to the second; in a mirror a turn is its own way back
    select least(a.id, b.id) as first, greatest(a.id, b.id) as second, o.score, o.places, o.mirrored, o.share, o.agreement,
        round(case when a.id < b.id or o.mirrored then o.turned_deg else -o.turned_deg end)::integer as turned_deg,
        case when a.id < b.id then o.grown else 1 / nullif(o.grown, 0) end as grown
    from aligned o
    join decoded p on p.sha256 = o.first_sha256 and p.cell = o.first_cell
    join decoded q on q.sha256 = o.second_sha256 and q.cell = o.second_cell
    join stands a on a.key = p.key
    join stands b on b.key = q.key
    where $use_near and $use_places and o.places >= $near_places and (a.sha256 <> b.sha256 or a.cell <> b.cell)
),
found as (
    select least(a.id, b.id) as first, greatest(a.id, b.id) as second, l.agreement as score, false as by_places,
        'perceptual hashes differ in ' || c.distance || ' of 64 bits; the second look agrees to '
            || printf('%.4f', l.agreement) as evidence
    from candidates c
    join pictures p on p.id = c.first
    join pictures q on q.id = c.second
    join pixel_keys k on k.id = c.first
    join pixel_keys m on m.id = c.second
    join looks l
        on l.first_sha256 = p.sha256 and l.first_cell = p.cell
        and l.second_sha256 = q.sha256 and l.second_cell = q.cell and l.version = $look
    join stands a on a.key = k.key
    join stands b on b.key = m.key
    where $use_near
    union all
    select first, second, score, true,
        places || ' places agree' || case when mirrored then ', mirrored' else '' end || ', turned by ' || turned_deg
            || printf(' degrees, scaled by %.2f, %.0f %% of the picture in common; ', grown, 100 * share)
            || printf('laid on each other they agree to %.4f', agreement)
    from laid
),
best as (
    -- a pair is found from either side, and from every source that holds a copy of either end
    select f.*, p.photograph as one, q.photograph as other
    from found f
    join photographs p on p.id = f.first
    join photographs q on q.id = f.second
    qualify row_number() over (partition by f.first, f.second, f.by_places order by f.score desc, f.evidence) = 1
),
-- what is known of a photograph is what any of its copies knows
lesions as (
    select distinct p.photograph, s.namespace || ':' || r.lesion_id as lesion
    from records r join sources s using (source) join photographs p using (id)
    where r.lesion_id is not null
),
tiles as (
    select distinct p.photograph, r.location, r.cell from records r join photographs p using (id) where r.cell > 0
),
pairs as (
    select distinct one, other from best where one <> other
),
of_one_lesion as (
    select distinct p.one, p.other
    from pairs p join lesions a on a.photograph = p.one join lesions b on b.photograph = p.other and b.lesion = a.lesion
),
on_one_sheet as (
    select distinct p.one, p.other
    from pairs p
    join tiles a on a.photograph = p.one
    join tiles b on b.photograph = p.other and b.location = a.location and b.cell <> a.cell
),
rejected as (
    select distinct least(p.photograph, q.photograph) as one, greatest(p.photograph, q.photograph) as other
    from decisions d join photographs p on p.id = d.first join photographs q on q.id = d.second
    where d.decision = 'reject'
),
placed as (
    select b.*, x.one is not null as is_rejected,
        case when l.one is not null then 'lesion' when t.one is not null then 'sheet' end as sitting,
        case when b.by_places then $near_overlap else $near_agreement end as alike,
        case when b.by_places then $near_kin when l.one is not null or t.one is not null then $near_agreement end as kin_bound
    from best b
    left join of_one_lesion l on l.one = b.one and l.other = b.other
    left join on_one_sheet t on t.one = b.one and t.other = b.other
    left join rejected x on x.one = least(b.one, b.other) and x.other = greatest(b.one, b.other)
)
select first, second, by_places, score,
    case
        -- photographs taken one after the other, of one lesion or side by side on one sheet: in the same frame only a
        -- copy agrees so far, but where one was taken from nearer, nothing tells it from a part of the other
        when sitting is null then alike
        when not by_places then $near_agreement_in_lesion
    end as bound,
    sitting,
    kin_bound,
    coalesce(score >= kin_bound and (sitting is not null or score < alike), false) and not is_rejected as is_kin,
    evidence
from placed
order by first, second, by_places;
