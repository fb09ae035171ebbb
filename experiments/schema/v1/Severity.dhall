--| How bad it is that a check fails: a number is wrong or contradicts another one; it misleads, or cannot be what its name
--| says; a reader should know it.
< Error
| Warning
| Note
>
