-- one row per licence: pictures of the corpus under another licence than those allowed, of which a copy under this one was left out
select o.license, count(distinct x.survivor) as pictures
from exclusions x
join sources o on o.source = x.source
join corpus c on c.id = x.survivor
where list_contains($allowed, o.license) and not list_contains($allowed, c.license)
group by o.license
order by o.license
