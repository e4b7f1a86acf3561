-- one row per pair of records that are one picture: kind of evidence, score, and the evidence in words
create or replace table edges as
with alike as (
    -- what makes records one picture, one key for each kind of evidence
    select 'same id' as kind, r.id, s.namespace || ':' || r.isic_id as key, r.isic_id as evidence
    from records r join sources s using (source)
    where r.isic_id is not null and $use_same_id
    union all
    select 'same bytes', id, sha256, sha256 from pictures where problem is null and cell = 0 and $use_same_bytes
    union all
    select 'same pixels', id, key, key from pixel_keys where $use_same_pixels
),
grouped as (
    select *, min(id) over (partition by kind, key) as hub, count(*) over (partition by kind, key) as members
    from alike
),
equal as (
    -- every pair of a group; of a crowd (black frames, say) each with the first, which joins them all the same
    select a.id as first, b.id as second, a.kind, 1.0::double as score, a.evidence
    from grouped a
    join grouped b on b.kind = a.kind and b.key = a.key and a.id < b.id
    where a.members <= 50 or a.id = a.hub
),
listed as (
    select a.id as first, b.id as second, 'listed' as kind, 1.0::double as score, l.origin as evidence
    from listed_pairs l
    join records a on a.source = l.source and a.image_id = l.first
    join records b on b.source = l.source and b.image_id = l.second
    where $use_listed
),
joined as (
    select first, second, 'near' as kind, max(score) as score, string_agg(evidence, '; ' order by evidence) as evidence
    from near_pairs
    where score >= bound
    group by first, second
),
decided as (
    select d.first, d.second, 'decision' as kind, 1.0::double as score,
        'accepted in decisions.csv' || coalesce(': ' || nullif(d.note, ''), '') as evidence
    from decisions d
    join records a on a.id = d.first
    join records b on b.id = d.second
    where d.decision = 'accept'
)
select least(e.first, e.second) as first, greatest(e.first, e.second) as second, e.kind, e.score, e.evidence
from (select * from equal union all select * from listed union all select * from joined union all select * from decided) e
where e.first <> e.second
    and not exists (
        select 1 from decisions d
        where d.decision = 'reject' and e.kind <> 'decision'
            and least(d.first, d.second) = least(e.first, e.second)
            and greatest(d.first, d.second) = greatest(e.first, e.second)
    )
order by 1, 2, 3;
