--| What becomes of a row that the other table has no match for.
< Refused
| Dropped
| Empty  -- its taken cells are empty
>
