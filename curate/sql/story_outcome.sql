-- one row: in the corpus as what, or left out for which reason
select c.category, c.subtype, c.origins, e.reason, e.detail, e.survivor, e.evidence, e.rule
from records r
left join corpus c on c.id = r.id
left join exclusions e on e.id = r.id
where r.id = $id
