-- For each artefact and source: its mean strength (0..1) among malignant pictures (the last category) and the others, with counts.
create or replace view artefact_bias as
select artefact, source,
    count(*) filter (is_malignant) as malignant_pictures,
    round(avg(strength) filter (is_malignant), 4) as malignant_mean,
    count(*) filter (not is_malignant) as other_pictures,
    round(avg(strength) filter (not is_malignant), 4) as other_mean
from (
    select *, category_index = (select max(category_index) from categories) as is_malignant
    from (unpivot corpus on vignette, hair, highlight, border, blur, exposure into name artefact value strength)
)
group by all
order by artefact, source;
