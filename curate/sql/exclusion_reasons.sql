-- one row per reason, in the order in which reasons are tried
select reason, count(*) as records
from exclusions
group by reason
order by list_position(
    ['sheet unreadable', 'no label cell', 'no picture', 'unreadable picture', 'no label', 'out of scope',
        'ambiguous label', 'label conflict', 'rejected', 'duplicate'], reason)
