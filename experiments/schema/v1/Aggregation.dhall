--| What becomes of the cells of a group of rows. AtMaximum and AtMinimum: the cell of the row in which another column is
--| largest or smallest, the first of them where several are.
< Count
| Sum  -- in the order of the rows
| Mean  -- that, divided by the count
| Minimum
| Maximum
| First
| AtMinimum : Text
| AtMaximum : Text
>
