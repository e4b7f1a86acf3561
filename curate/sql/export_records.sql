-- one row per record of the allowed licences (all where none is named), in the corpus or left out: what the corpus says of it, or the reason why it is not there
select r.id, r.source, r.image_id, r.isic_id, x.id is null as in_corpus, x.reason, x.detail, x.survivor, x.evidence, x.rule,
    r.file, nullif(r.cell, 0) as tile, r.source_label, r.published_split,
    c.* exclude (id, source, isic_id, file, tile, source_label, location, license, attribution),
    o.license, o.redistribution, o.attribution, r.claims
from records r
join sources o on o.source = r.source
left join exclusions x on x.id = r.id
left join corpus c on c.id = r.id
where len($allowed::varchar[]) = 0 or list_contains($allowed::varchar[], o.license)
order by r.id
