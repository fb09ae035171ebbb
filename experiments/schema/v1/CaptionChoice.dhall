--| Which caption of a sample a visit uses.
< First
| Drawn  -- one at random at each visit
>
