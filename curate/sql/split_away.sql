-- one row per part of the corpus that is further than so many points off the recipe, the furthest first: its worst split
select kind, value, split, points, families, pictures_of_all_splits as pictures,
    max(published_test) over (partition by kind, value) > 0 as has_published_test
from split_deviation
qualify row_number() over (partition by kind, value order by abs(points) desc, split) = 1 and abs(points) > $points
order by list_position(['all', 'subtype', 'source', 'tone_reported', 'tone_ita_class'], kind), abs(points) desc, value
