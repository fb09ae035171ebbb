--| What becomes of a number.
< Identity
| OneMinus  -- 1 − y: an accuracy becomes an error
>
