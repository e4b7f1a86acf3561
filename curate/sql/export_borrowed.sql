-- one row per picture of the corpus under an allowed licence (any where none is named), field and source that it has the value from; for a subtype also the one of its own label
select c.id, k.field, r.source, o.license, null::varchar as own, null::bigint as own_index
from corpus c
join knowledge k on k.id = c.id
join records r on r.id = k.origin
join sources o on o.source = r.source
where r.source <> c.source and (len($allowed::varchar[]) = 0 or list_contains($allowed::varchar[], c.license))
union
select c.id, 'subtype', l.source, o.license, mine.subtype, x.subtype_index::bigint
from corpus c
join labels mine on mine.id = c.id and mine.subtype is distinct from c.subtype
join twins t on t.twin = c.twin
join labels l on l.id = t.id and l.subtype = c.subtype and l.status = 'mapped'
join sources o on o.source = l.source
left join taxonomy x on x.subtype = mine.subtype
where l.source <> c.source and (len($allowed::varchar[]) = 0 or list_contains($allowed::varchar[], c.license))
order by all
