-- For each artefact and source: the share of malignant pictures (of the last category) that have it and of the others, with counts and 95 % intervals (Wilson 1927), and the difference with its interval (Newcombe 1998, method 10).
create or replace view artefact_bias as
with counted as (
    select u.artefact, u.source, h.threshold,
        count(*) filter (u.is_malignant) as malignant_pictures,
        count(*) filter (u.is_malignant and u.strength >= h.threshold) as malignant_with,
        count(*) filter (not u.is_malignant) as other_pictures,
        count(*) filter (not u.is_malignant and u.strength >= h.threshold) as other_with
    from (
        unpivot (select source, category_index = (select max(category_index) from categories) as is_malignant, ruler, ink, vignette, hair, highlight, border, blur, exposure, text from corpus)
        on ruler, ink, vignette, hair, highlight, border, blur, exposure, text into name artefact value strength
    ) u
    join artefact_thresholds h on h.artefact = u.artefact
    group by all
),
shares as (
    select *, malignant_with / nullif(malignant_pictures, 0) as p, nullif(malignant_pictures, 0) as m,
        other_with / nullif(other_pictures, 0) as q, nullif(other_pictures, 0) as n, 1.959964 as z
    from counted
),
intervals as (
    select *,
        (p + z * z / (2 * m) - z * sqrt(p * (1 - p) / m + z * z / (4 * m * m))) / (1 + z * z / m) as p_low,
        (p + z * z / (2 * m) + z * sqrt(p * (1 - p) / m + z * z / (4 * m * m))) / (1 + z * z / m) as p_high,
        (q + z * z / (2 * n) - z * sqrt(q * (1 - q) / n + z * z / (4 * n * n))) / (1 + z * z / n) as q_low,
        (q + z * z / (2 * n) + z * sqrt(q * (1 - q) / n + z * z / (4 * n * n))) / (1 + z * z / n) as q_high
    from shares
)
select artefact, source, threshold,
    malignant_pictures, malignant_with, round(p, 4) as malignant_share,
    round(greatest(p_low, 0), 4) as malignant_low, round(least(p_high, 1), 4) as malignant_high,
    other_pictures, other_with, round(q, 4) as other_share,
    round(greatest(q_low, 0), 4) as other_low, round(least(q_high, 1), 4) as other_high,
    round(p - q, 4) as difference,
    round(p - q - sqrt((p - p_low) ** 2 + (q_high - q) ** 2), 4) as difference_low,
    round(p - q + sqrt((p_high - p) ** 2 + (q - q_low) ** 2), 4) as difference_high
from intervals
order by artefact, source;
