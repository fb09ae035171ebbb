--| How deep a number is reproduced: from the authors' table, from released weights, or by training again.
< Published
| Weights
| Scratch
>
