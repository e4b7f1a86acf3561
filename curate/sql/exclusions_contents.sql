-- one row per record that was left out, with the reason
from exclusions order by id
