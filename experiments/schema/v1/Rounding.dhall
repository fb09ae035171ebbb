--| To which integer a number is rounded.
< Down
| Up
| HalfEven  -- to the nearest; to the even one of two
>
