--| How the tokens of a text become one vector.
< Mean  -- over tokens that are not padding
| EndToken
>
