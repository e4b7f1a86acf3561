-- one row per copy and survivor to look at: some of every kind of evidence, the least certain first
with direct as (
    select d.id, d.survivor, d.evidence, d.rule,
        coalesce(string_agg(e.kind, ' + ' order by e.kind), 'through other copies') as kinds,
        min(e.score) as score
    from duplicates d
    left join edges e on e.first = least(d.id, d.survivor) and e.second = greatest(d.id, d.survivor)
    group by d.id, d.survivor, d.evidence, d.rule
),
seen as (
    select x.*, row_number() over (partition by x.kinds order by x.score, sha256(x.id), x.id) as turn
    from direct x
    join pictures a on a.id = x.id and a.problem is null
    join pictures b on b.id = x.survivor and b.problem is null
)
select s.id, s.survivor, s.kinds, s.evidence, s.rule, s.score,
    k.location as survivor_location, k.sha256 as survivor_sha256, k.cell as survivor_cell,
    k.box_left as survivor_box_left, k.box_top as survivor_box_top,
    k.box_width as survivor_box_width, k.box_height as survivor_box_height,
    k.width as survivor_width, k.height as survivor_height, kl.source_label as survivor_label,
    c.location as copy_location, c.sha256 as copy_sha256, c.cell as copy_cell,
    c.box_left as copy_box_left, c.box_top as copy_box_top, c.box_width as copy_box_width, c.box_height as copy_box_height,
    c.width as copy_width, c.height as copy_height, cl.source_label as copy_label
from seen s
join pictures k on k.id = s.survivor
join pictures c on c.id = s.id
join records kl on kl.id = s.survivor
join records cl on cl.id = s.id
order by s.turn, s.kinds, s.id
limit $most
