-- one row per piece of evidence that this record and another are one picture
select case when first = $id then second else first end as other, kind, score, evidence
from edges
where first = $id or second = $id
order by other, kind
