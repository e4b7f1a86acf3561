-- one row per source and thing that is said of it, in which the two corpora differ
select coalesce(b.source, a.source) as source, f.field, f.was, f.now
from (select * from before.sources left join before.parsed using (source)) b
full join (select * from after.sources left join after.parsed using (source)) a on a.source = b.source,
lateral (
    values ('here', b.here::varchar, a.here::varchar), ('released', b.released::varchar, a.released::varchar),
        ('license', b.license, a.license), ('redistribution', b.redistribution, a.redistribution),
        ('attribution', b.attribution, a.attribution), ('namespace', b.namespace, a.namespace),
        ('files or parser', b.key, a.key)
) as f(field, was, now)
where f.was is distinct from f.now
order by 1, 2
