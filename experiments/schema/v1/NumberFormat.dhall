--| How a number is printed. table.csv holds it in full.
< Decimals : Natural
| Percent : Natural  -- times 100, with so many decimals
>
