-- one row: the size of the corpus in every unit that it has
select (select count(*) from records) as records, count(*) as pictures, (select count(*) from exclusions) as left_out,
    (select count(distinct source) from records) as sources, count(distinct c.family) as families, count(distinct c.lesion_id) as lesions,
    count(distinct c.patient_id) as patients, count(distinct c.subtype) as subtypes,
    count(*) filter (c.subtype is null) as without_subtype,
    (select labels_only from mode) as labels_only, (select version from map_version) as map_version,
    (select list(name order by name) from own_maps) as own_maps
from corpus c
