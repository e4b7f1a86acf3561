-- one row per way in which a copy is known to be one: the weakest evidence alone is what a person should look at
with known as (
    select d.id,
        coalesce((
            select string_agg(distinct e.kind, ' + ' order by e.kind) from edges e
            where e.first = least(d.id, d.survivor) and e.second = greatest(d.id, d.survivor)
        ), 'through other copies') as evidence
    from duplicates d
)
select evidence, count(*) as copies from known group by evidence order by copies desc, evidence
