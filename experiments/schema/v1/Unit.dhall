--| The unit that a number is printed in. Percent: 0.791 is printed 79.1.
< Plain
| Percent
>
