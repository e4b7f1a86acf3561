-- one row per copy in the clusters to look at: some clusters of every kind of evidence, the least certain first; of each some copies
with direct as (
    select d.id, d.survivor, d.evidence, d.rule,
        coalesce(string_agg(e.kind, ' + ' order by e.kind), 'through other copies') as kinds,
        min(e.score) as score
    from duplicates d
    left join edges e on e.first = least(d.id, d.survivor) and e.second = greatest(d.id, d.survivor)
    group by d.id, d.survivor, d.evidence, d.rule
),
seen as (
    select x.*,
        row_number() over (partition by x.kinds order by x.score, sha256(x.id), x.id) as turn,
        row_number() over (partition by x.survivor order by x.score, sha256(x.id), x.id) as copy_number,
        count(*) over (partition by x.survivor) as copies
    from direct x
    join pictures a on a.id = x.id and a.problem is null
    join pictures b on b.id = x.survivor and b.problem is null
),
chosen as (
    select survivor, row_number() over (order by turn, kinds, id) as place
    from (select *, row_number() over (partition by survivor order by turn, kinds, id) as own_turn from seen)
    where own_turn = 1
)
select h.place, s.copies, s.id, s.survivor, s.kinds, s.evidence, s.rule, s.score,
    k.location as survivor_location, k.sha256 as survivor_sha256, k.cell as survivor_cell,
    k.box_left as survivor_box_left, k.box_top as survivor_box_top,
    k.box_width as survivor_box_width, k.box_height as survivor_box_height,
    k.width as survivor_width, k.height as survivor_height, kl.source_label as survivor_label,
    c.location as copy_location, c.sha256 as copy_sha256, c.cell as copy_cell,
    c.box_left as copy_box_left, c.box_top as copy_box_top, c.box_width as copy_box_width, c.box_height as copy_box_height,
    c.width as copy_width, c.height as copy_height, cl.source_label as copy_label
from chosen h
join seen s on s.survivor = h.survivor and s.copy_number <= $widest
join pictures k on k.id = s.survivor
join pictures c on c.id = s.id
join records kl on kl.id = s.survivor
join records cl on cl.id = s.id
where h.place <= $most
order by h.place, s.copy_number
