-- one row per pair of sources whose pictures were not compared as they are now: the one with fewer pictures asks
with contents as (
    select source, count(*) as pictures,
        sha256(string_agg(
            -- a tile is what lies in its box, which another cut may move
            sha256 || ' ' || cell || coalesce(' ' || box_left || ' ' || box_top || ' ' || box_width || ' ' || box_height, ''),
            ' ' order by sha256, cell
        )) as contents
    from searchable
    group by source
),
wanted as (
    select a.source as asking, b.source as asked, a.pictures, a.contents || ' ' || b.contents as contents
    from contents a
    join contents b on (a.pictures, a.source) <= (b.pictures, b.source)
)
select w.asking, w.asked, w.pictures, w.contents
from wanted w
left join searches s on s.asking = w.asking and s.asked = w.asked and s.contents = w.contents and s.version = $nearness
where s.asking is null
order by w.asked, w.asking
