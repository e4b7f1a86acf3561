-- one row per pair of records that must never be torn apart: twins, the same lesion (claimed, or seen), the same patient
select min(id) over (partition by twin) as first, id as second, 'twin' as kind from twins
union all
select min(id) over (partition by lesion_id), id, 'lesion' from metadata where lesion_id is not null
union all
select min(id) over (partition by patient_id), id, 'patient' from metadata where patient_id is not null
union all
select first, second, 'seen' from near_pairs where is_kin
order by 1, 2, 3
