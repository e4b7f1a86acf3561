-- Pictures by age group (decades), sex, site and category.
create or replace view age_sex_site_balance as
select case when age is null then 'unknown' else (floor(age / 10) * 10)::integer || '-' || ((floor(age / 10) * 10)::integer + 9) end as age_group,
    coalesce(sex, 'unknown') as sex, coalesce(site, 'unknown') as site, category, count(*) as pictures
from corpus
group by all
order by age_group, sex, site, category;
