--| Which way numbers go along an order: none is below, or above, the one before it.
< Rising
| Falling
>
