--| How rows are ordered by a column. Listed: as these texts stand here.
< NumberAscending
| NumberDescending
| TextAscending
| TextDescending
| Listed : List Text
>
