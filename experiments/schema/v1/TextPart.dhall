--| A piece of a joined text.
< Column : Text
| Text : Text
>
