--| How deep a number is reproduced: from the numbers a work prints, from the authors' table, from released weights, or by
--| training again.
< Printed
| Published
| Weights
| Scratch
>
