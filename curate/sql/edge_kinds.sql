-- one row per kind of evidence
select kind, count(*) as pairs from edges group by kind order by kind
