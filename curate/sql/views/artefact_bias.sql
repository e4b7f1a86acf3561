-- For each artefact and source: the share of malignant pictures (of the last category) that have it and of the others, with counts of pictures and families, how many independent pictures would tell as much, and 95 % intervals from that number (Wilson 1927), and the difference with its interval (Newcombe 1998, method 10). One row in about twenty leaves out 0 by chance. `sensitivity` and `specificity`: how often the artefact is told rightly on pictures seen by eye.
create or replace view artefact_bias as
with looked_at as (
    select u.artefact, u.source, h.threshold, h.sensitivity, h.specificity, u.is_malignant, u.family, u.strength >= h.threshold as has_it
    from (
        unpivot (select source, family, category_index = (select max(category_index) from categories) as is_malignant, ruler, ink, vignette, hair, highlight, border, blur, exposure, text from corpus)
        on ruler, ink, vignette, hair, highlight, border, blur, exposure, text into name artefact value strength
    ) u
    join artefact_thresholds h on h.artefact = u.artefact
    where u.is_malignant is not null
),
families as (
    select artefact, source, is_malignant, family, count(*) as pictures, count(*) filter (has_it) as have_it
    from looked_at
    group by artefact, source, is_malignant, family
),
totals as (
    select artefact, source, is_malignant, sum(pictures) as n, sum(have_it) as x, count(*) as g
    from families
    group by artefact, source, is_malignant
),
-- pictures of one family are alike: what they vary by, over what as many independent pictures would, is the design effect (Kish 1965)
effects as (
    select t.artefact, t.source, t.is_malignant, max(t.n) as n, max(t.x) as x, max(t.g) as g,
        sum((f.have_it - t.x / t.n * f.pictures) ** 2) / max(t.n) ** 2 * max(t.g) / nullif(max(t.g) - 1, 0) as by_family,
        max(t.x / t.n * (1 - t.x / t.n)) / nullif(max(t.n) - 1, 0) as by_picture
    from totals t
    join families f on f.artefact = t.artefact and f.source = t.source and f.is_malignant = t.is_malignant
    group by t.artefact, t.source, t.is_malignant
),
-- where all or none have it, or there is one family, nothing tells how alike they are: a family then counts once
told as (
    select *, case when by_picture > 0 and by_family is not null then n / greatest(by_family / by_picture, 1) else g end as independent
    from effects
),
counted as (
    select artefact, source, max(threshold) as threshold, max(sensitivity) as sensitivity, max(specificity) as specificity
    from looked_at
    group by artefact, source
),
shares as (
    select c.*, coalesce(a.n, 0) as malignant_pictures, coalesce(a.x, 0) as malignant_with, coalesce(a.g, 0) as malignant_families,
        coalesce(b.n, 0) as other_pictures, coalesce(b.x, 0) as other_with, coalesce(b.g, 0) as other_families,
        a.x / a.n as p, a.independent as m, b.x / b.n as q, b.independent as n, 1.959964 as z
    from counted c
    left join told a on a.artefact = c.artefact and a.source = c.source and a.is_malignant
    left join told b on b.artefact = c.artefact and b.source = c.source and not b.is_malignant
),
intervals as (
    select *,
        (p + z * z / (2 * m) - z * sqrt(p * (1 - p) / m + z * z / (4 * m * m))) / (1 + z * z / m) as p_low,
        (p + z * z / (2 * m) + z * sqrt(p * (1 - p) / m + z * z / (4 * m * m))) / (1 + z * z / m) as p_high,
        (q + z * z / (2 * n) - z * sqrt(q * (1 - q) / n + z * z / (4 * n * n))) / (1 + z * z / n) as q_low,
        (q + z * z / (2 * n) + z * sqrt(q * (1 - q) / n + z * z / (4 * n * n))) / (1 + z * z / n) as q_high
    from shares
)
select artefact, source, threshold, sensitivity, specificity,
    malignant_pictures::bigint as malignant_pictures, malignant_with::bigint as malignant_with, malignant_families,
    round(m, 1) as malignant_independent, round(p, 4) as malignant_share,
    round(greatest(p_low, 0), 4) as malignant_low, round(least(p_high, 1), 4) as malignant_high,
    other_pictures::bigint as other_pictures, other_with::bigint as other_with, other_families,
    round(n, 1) as other_independent, round(q, 4) as other_share,
    round(greatest(q_low, 0), 4) as other_low, round(least(q_high, 1), 4) as other_high,
    round(p - q, 4) as difference,
    round(p - q - sqrt((p - p_low) ** 2 + (q_high - q) ** 2), 4) as difference_low,
    round(p - q + sqrt((p_high - p) ** 2 + (q - q_low) ** 2), 4) as difference_high
from intervals
order by artefact, source;
