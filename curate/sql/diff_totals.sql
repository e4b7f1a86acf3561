-- one row per corpus: how much it holds, and the versions of what it was made with
select 'before' as side, (select count(*) from before.records) as records, (select count(*) from before.corpus) as pictures,
    (select count(*) from before.exclusions) as left_out, (select max(version) from before.map_version) as label_maps,
    (select bool_or(labels_only) from before.mode) as labels_only,
    (select max(version) from before.tiles) as montage, (select max(version) from before.fingerprints) as fingerprint,
    (select max(version) from before.appearance) as appearance
union all
select 'after', (select count(*) from after.records), (select count(*) from after.corpus),
    (select count(*) from after.exclusions), (select max(version) from after.map_version),
    (select bool_or(labels_only) from after.mode),
    (select max(version) from after.tiles), (select max(version) from after.fingerprints),
    (select max(version) from after.appearance)
order by side desc
