-- one row per number: pairs and lesions that others listed, held against what the label files say of their pictures
with ham as (
    select image_id, lesion_id, source_label from records where source = 'isic_2018' and published_split = 'train'
),
lesions as (select lesion_id, count(*) as pictures from ham where lesion_id is not null group by lesion_id),
official as (
    select a.patient_id = b.patient_id as same_patient, a.lesion_id = b.lesion_id as same_lesion,
        (a.source_label = 'melanoma') = (b.source_label = 'melanoma') as same_target
    from listed_pairs l
    join records a on a.source = l.source and a.image_id = l.first
    join records b on b.source = l.source and b.image_id = l.second
    where l.source = 'isic_2020'
),
discovered as (
    select a.lesion_id <> b.lesion_id as two_lesions, a.source_label = b.source_label as one_diagnosis
    from ham_pairs p
    join ham a on a.image_id || '.jpg' = p.from_img
    join ham b on b.image_id || '.jpg' = p.to_img
),
pad as (select image_id from records where source = 'pad_ufes_20')
select 'C' as id,
    format('{:,} / {:,} / {:,} / {:,}', count(*), count(*) filter (same_patient), count(*) filter (same_target),
        count(*) filter (same_lesion)) as ours
from official
union all
select 'D',
    format('{:,} / {:,} / {:,} / {:,}', (select count(*) from ham), count(*), count(*) filter (pictures > 1),
        coalesce(sum(pictures) filter (pictures > 1), 0)::bigint)
from lesions
union all
select 'F', format('{:,} / {:,} / {:,}', count(*), count(*) filter (two_lesions), count(*) filter (one_diagnosis)) from discovered
union all
select 'K',
    format('{:,} / {:,}', count(*), count(*) filter (image_id || '.png' in (select file_name from pad_kept)))
from pad
