-- one row per pair of sources that were compared and are not both here any more, or ask each other the other way round
with contents as (select source, count(*) as pictures from searchable group by source)
select s.asking, s.asked
from searches s
left join contents a on a.source = s.asking
left join contents b on b.source = s.asked
where a.source is null or b.source is null or (a.pictures, a.source) > (b.pictures, b.source)
order by all
