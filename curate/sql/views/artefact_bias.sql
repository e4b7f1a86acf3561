-- For each artefact and source: its mean strength (0..1) among malignant pictures and among the others, with counts.
create or replace view artefact_bias as
select artefact, source,
    count(*) filter (category = 'malignant') as malignant_pictures,
    round(avg(strength) filter (category = 'malignant'), 4) as malignant_mean,
    count(*) filter (category <> 'malignant') as other_pictures,
    round(avg(strength) filter (category <> 'malignant'), 4) as other_mean
from (unpivot corpus on vignette, hair, highlight, border, blur, exposure into name artefact value strength)
group by all
order by artefact, source;
