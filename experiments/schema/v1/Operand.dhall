--| A number that enters a derivation.
< Column : Text
| Number : Double
>
